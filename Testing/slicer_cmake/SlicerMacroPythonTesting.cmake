# slicer_add_python_unittest(SCRIPT [SLICER_ARGS...] [TESTNAME_PREFIX])
function(slicer_add_python_unittest)
  cmake_parse_arguments(TEST "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
  if(TEST_UNPARSED_ARGUMENTS OR NOT TEST_SCRIPT)
    message(FATAL_ERROR "slicer_add_python_unittest: SCRIPT is mandatory, unknown: ${TEST_UNPARSED_ARGUMENTS}")
  endif()
  get_filename_component(name "${TEST_SCRIPT}" NAME_WE)
  add_test(NAME "py_${TEST_TESTNAME_PREFIX}${name}"
    COMMAND "${Slicer_LAUNCHER_EXECUTABLE}" --no-splash --ignore-slicerrc ${TEST_SLICER_ARGS} --python-code
    "import slicer.testing; slicer.testing.runUnitTest(['${CMAKE_CURRENT_SOURCE_DIR}'], '${name}')")
endfunction()
