# project() asks for C and C++, as in Slicer's template. Scripted modules compile nothing: let any program pass for both.
foreach(language C CXX)
  set(CMAKE_${language}_COMPILER "${CMAKE_COMMAND}")
  set(CMAKE_${language}_COMPILER_ID_RUN TRUE)
  set(CMAKE_${language}_COMPILER_FORCED TRUE)
  set(CMAKE_${language}_ABI_COMPILED TRUE)
endforeach()
