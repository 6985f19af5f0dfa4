# Read by cpack before it packs.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  set(ENV{SOURCE_DATE_EPOCH} "${CPACK_IOTOPX_EPOCH}")
endif()
