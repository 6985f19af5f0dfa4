/* Where the loader jumps into the program: its start, and what is called before and after main. In the start files of
 * a C library that was built without CET (Debian's) none of the three is marked as a target of indirect jumps, so that
 * a processor told to insist on it would end the program there. CMakeLists.txt names these to the linker instead. */
#define TARGET(name, of) ".globl " name "\n.type " name ", @function\n" name ": endbr64\njmp " of "\n"

__asm__(".pushsection .text\n" TARGET("iotopx_start", "_start") TARGET("iotopx_init", "_init")
	    TARGET("iotopx_fini", "_fini") ".popsection\n");
