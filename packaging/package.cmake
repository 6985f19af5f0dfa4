# cpack -G DEB and cpack -G RPM; stage.cmake does what differs between them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME iotopx)
set(CPACK_PACKAGE_CONTACT "${IOTOPX_CONTACT}")
set(CPACK_PACKAGE_VENDOR "iotopx")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "monitor of who does I/O, by process, service and device")
set(CPACK_PACKAGE_DESCRIPTION "iotopx shows the I/O of every process and thread beside what the disks
really do: bytes to and from storage, bytes and calls through the page
cache, and waiting. A process that lives between two samples is accounted
in full, from the record that the kernel sends when it exits.

It groups by command, user, systemd unit and container, steps back in
time, records for days, and prints text, CSV, JSON and OpenMetrics.")
set(CPACK_RPM_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/stage.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(script postinst prerm postrm)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_SOURCE_DIR}/debian/${script})
endforeach()

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE GPL-2.0-only)
set(CPACK_RPM_PACKAGE_GROUP "Applications/System")
set(CPACK_RPM_USER_FILELIST "%license /usr/share/doc/iotopx/LICENSE" "%doc /usr/share/doc/iotopx/changelog")
set(CPACK_PACKAGE_RELOCATABLE OFF)
# Directories that belong to others.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /usr/lib/systemd /usr/lib/systemd/system /usr/share/bash-completion
    /usr/share/bash-completion/completions /usr/share/fish /usr/share/fish/vendor_completions.d /usr/share/zsh
    /usr/share/zsh/site-functions)
set(CPACK_RPM_SPEC_MORE_DEFINE "%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _buildhost localhost")
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${CMAKE_CURRENT_SOURCE_DIR}/rpm/post)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${CMAKE_CURRENT_SOURCE_DIR}/rpm/preun)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${CMAKE_CURRENT_SOURCE_DIR}/rpm/postun)

# The date in packages is that of the last entry of the changelog, so that two builds give the same bytes.
execute_process(COMMAND sed -n "/^ -- /{s/^ -- .*>  //p;q}" ${CMAKE_CURRENT_SOURCE_DIR}/changelog
                OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND date -d "${date}" +%s OUTPUT_VARIABLE CPACK_IOTOPX_EPOCH OUTPUT_STRIP_TRAILING_WHITESPACE)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_SOURCE_DIR}/epoch.cmake)
include(CPack)
