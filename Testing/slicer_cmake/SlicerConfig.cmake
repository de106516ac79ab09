# A stand-in for the CMake files of a Slicer build, for extensions that hold scripted modules only. Names, checks and
# installed places are those of Slicer 5.12; whatever is not here is an error.
set(Slicer_VERSION "5.12")
set(Slicer_REVISION "0")
set(Slicer_USE_PYTHONQT ON)
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR "lib/Slicer-${Slicer_VERSION}/qt-scripted-modules")
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR "${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")
set(Slicer_SHARE_DIR "share/Slicer-${Slicer_VERSION}")
set(Slicer_LAUNCHER_EXECUTABLE "Slicer")

set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionGenerateConfig.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionCPack.cmake")
