/* What the user did: a key or the mouse. Characters are their code points, control keys 1 to 31. */
#ifndef IOTOPX_TUI_INPUT_H
#define IOTOPX_TUI_INPUT_H

enum input_key {
	INPUT_NONE = 0,
	INPUT_TAB = 9,
	INPUT_ENTER = 10,
	INPUT_ESCAPE = 27,
	INPUT_SPACE = 32,
	INPUT_UP = 0x200000, /* beyond Unicode */
	INPUT_DOWN,
	INPUT_LEFT,
	INPUT_RIGHT,
	INPUT_PAGE_UP,
	INPUT_PAGE_DOWN,
	INPUT_HOME,
	INPUT_END,
	INPUT_BACKSPACE,
	INPUT_DELETE,
	INPUT_CLICK,
	INPUT_DOUBLE_CLICK,
	INPUT_WHEEL_UP,
	INPUT_WHEEL_DOWN,
	INPUT_F0 = 0x200100,
};

#define INPUT_CTRL(letter) ((letter)&0x1f)
#define INPUT_F(number) (INPUT_F0 + (number))

struct input {
	int key;
	int row, column; /* of the mouse */
};

#endif
