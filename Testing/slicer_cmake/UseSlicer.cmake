# What Slicer sets up for an extension before its modules are added.
set(EXTENSION_NAME "${PROJECT_NAME}")
set(EXTENSION_README_FILE "${CMAKE_SOURCE_DIR}/README.md")
set(EXTENSION_LICENSE_FILE "${CMAKE_SOURCE_DIR}/LICENSE")

include(CTest)
include("${CMAKE_CURRENT_LIST_DIR}/SlicerMacroPythonTesting.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/SlicerMacroBuildScriptedModule.cmake")
