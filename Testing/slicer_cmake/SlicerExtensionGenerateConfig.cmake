# Slicer writes a config file here with which other extensions find this one; a scripted module offers nothing to build on.
if(NOT EXTENSION_NAME)
  message(FATAL_ERROR "error: EXTENSION_NAME is not set; include Slicer_USE_FILE first")
endif()
