# Run by cpack over the installed files before it packs them: what Debian and RPM want each in its own way.
set(usr ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr)

# Directories were made under the umask of who runs cpack.
file(CHMOD_RECURSE ${usr} DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
     WORLD_EXECUTE)
file(GLOB pages ${usr}/share/man/man*/*)
execute_process(COMMAND gzip -9n ${pages} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "gzip of the manual: ${failed}")
endif()
if(CPACK_GENERATOR STREQUAL DEB)
  # Debian has the text of the licence itself (copyright names it), and its zsh looks elsewhere for what packages bring.
  file(REMOVE ${usr}/share/doc/iotopx/LICENSE)
  file(RENAME ${usr}/share/zsh/site-functions ${usr}/share/zsh/vendor-completions)
  execute_process(COMMAND gzip -9n ${usr}/share/doc/iotopx/changelog RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "gzip of the changelog: ${failed}")
  endif()
else()
  file(REMOVE ${usr}/share/doc/iotopx/copyright)
endif()
