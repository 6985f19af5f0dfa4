/* Writes the completion of iotopx for a shell, from the tables of options and columns: completions bash|zsh|fish FILE.
 * Run by the build, and installed. A new option needs no line here, a new kind of value one in
 * value_of(). */
#include "settings_table.h"

#include "iotopx/column.h"
#include "iotopx/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a shell can offer after an option. */
enum value_of { VALUE_NONE, VALUE_ANY, VALUE_WORDS, VALUE_COLUMN, VALUE_COLUMNS, VALUE_FILE, VALUE_USER, VALUE_PID };

static enum value_of value_of(const struct settings_option *option)
{
	if (!option->value)
		return VALUE_NONE;
	switch (option->kind) {
	case SETTING_CHOICE:
		return VALUE_WORDS;
	case SETTING_SORT:
	case SETTING_PAGE_SORT:
		return VALUE_COLUMN;
	case SETTING_COLUMNS:
	case SETTING_PAGE_COLUMNS:
		return VALUE_COLUMNS;
	case SETTING_TEXT: /* every text is the name of a file so far */
		return VALUE_FILE;
	case SETTING_USERS:
		return VALUE_USER;
	case SETTING_PIDS:
		return VALUE_PID;
	default:
		return VALUE_ANY;
	}
}

static bool repeatable(const struct settings_option *option)
{
	return option->kind == SETTING_PIDS || option->kind == SETTING_USERS || option->kind == SETTING_COUNTED;
}

/* The columns that an option is about: of a page, or of the tasks (NULL). */
static const struct page *page_of(const struct settings_option *option)
{
	bool of_page = option->kind == SETTING_PAGE_SORT || option->kind == SETTING_PAGE_COLUMNS;

	return of_page ? page_get((enum view_page)option->fixed) : NULL;
}

static const char *name_of(const struct page *page)
{
	return page ? page->key : "tasks";
}

/* print(key, help) of each column. */
static void each_column(const struct page *page, void (*print)(const char *key, const char *help))
{
	for (size_t i = 0; page && i < page->column_count; i++)
		print(page->columns[i].key, page->columns[i].help);
	for (size_t i = 0; !page && i < column_count; i++)
		print(columns[i].key, columns[i].help);
}

/* print(page) of the tasks and of each page. */
static void each_page(void (*print)(const struct page *page))
{
	print(NULL);
	for (int id = 0; id < VIEW_PAGE_COUNT; id++)
		if (page_get((enum view_page)id))
			print(page_get((enum view_page)id));
}

static void print_choices(const struct settings_option *option)
{
	for (size_t i = 0; option->choices[i]; i++)
		printf("%s%s", i ? " " : "", option->choices[i]);
}

/* Text inside '...' of a shell; `special` gets a backslash. */
static void print_quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		else if (strchr(special, *text))
			putchar('\\');
		putchar(*text);
	}
}

/* The help of --NAME or --no-NAME: the table's is that of the form which --help shows. */
static void print_help(const struct settings_option *option, bool negated, const char *special)
{
	bool off = option->flags & SETTINGS_OFF;

	if (negated == off)
		print_quoted(option->help, special);
	else
		printf("undo --%s%s", off ? "no-" : "", option->name);
}

/* bash */

static void bash_case(const struct settings_option *option)
{
	static const char *const actions[] = {
		[VALUE_ANY] = "return",
		[VALUE_FILE] = "generate=(-f); compopt -o filenames 2>/dev/null",
		[VALUE_USER] = "generate=(-u)",
		[VALUE_PID] = "words=$(cd /proc && echo [0-9]*)",
	};
	enum value_of value = value_of(option);

	if (value == VALUE_NONE)
		return;
	putchar('\t');
	if (option->letter)
		printf("-%c | ", option->letter);
	printf("--%s) ", option->name);
	if (value == VALUE_WORDS) {
		fputs("words=\"", stdout);
		print_choices(option);
		puts("\" ;;");
	} else if (value == VALUE_COLUMN) {
		printf("words=$%s ;;\n", name_of(page_of(option)));
	} else if (value == VALUE_COLUMNS) {
		printf("_iotopx_list \"$word\" $%s ;;\n", name_of(page_of(option)));
	} else {
		printf("%s ;;\n", actions[value]);
	}
}

static void bash_key(const char *key, const char *help)
{
	(void)help;
	printf(" %s", key);
}

static void bash_keys(const struct page *page)
{
	printf("\tlocal %s=\"", name_of(page));
	each_column(page, bash_key);
	puts("\"");
}

static void bash_words(void)
{
	fputs("\t*) words=\"", stdout);
	for (size_t i = 0; i < settings_option_count; i++) {
		const struct settings_option *option = &settings_options[i];

		if (option->letter)
			printf("-%c ", option->letter);
		printf("--%s ", option->name);
		if (option->flags & SETTINGS_PAIR)
			printf("--no-%s ", option->name);
	}
	puts("\" ;;");
}

static void print_bash(void)
{
	puts("# bash completion for iotopx, made from its table of options.\n\n"
	     "# The keys of a list joined by commas that are not in it yet, each with the list before it.\n"
	     "_iotopx_list()\n{\n"
	     "\tlocal key list=\n\n"
	     "\t[[ $1 != *,* ]] || list=${1%,*},\n"
	     "\tfor key in \"${@:2}\"; do\n"
	     "\t\t[[ ,$list == *,\"$key\",* ]] || words+=\" $list$key\"\n"
	     "\tdone\n"
	     "\tcompopt -o nospace 2>/dev/null\n}\n\n"
	     "_iotopx()\n{\n"
	     "\tlocal word=${COMP_WORDS[COMP_CWORD]} option= prefix= words= generate=()");
	each_page(bash_keys);
	puts("\n"
	     "\tCOMPREPLY=()\n"
	     "\t((COMP_CWORD == 0)) || option=${COMP_WORDS[COMP_CWORD - 1]}\n"
	     "\t# --option=value is three words where COMP_WORDBREAKS has the equals sign, else one.\n"
	     "\tif [[ $word == = ]]; then\n"
	     "\t\tword=\n"
	     "\telif [[ $option == = ]] && ((COMP_CWORD > 1)); then\n"
	     "\t\toption=${COMP_WORDS[COMP_CWORD - 2]}\n"
	     "\telif [[ $word == --*=* ]]; then\n"
	     "\t\toption=${word%%=*} prefix=${word%%=*}= word=${word#*=}\n"
	     "\tfi\n"
	     "\tcase $option in");
	for (size_t i = 0; i < settings_option_count; i++)
		bash_case(&settings_options[i]);
	bash_words();
	puts("\tesac\n"
	     "\t((${#generate[@]})) || generate=(-W \"$words\")\n"
	     "\tmapfile -t COMPREPLY < <(compgen -P \"$prefix\" \"${generate[@]}\" -- \"$word\")\n}\n\n"
	     "complete -F _iotopx iotopx");
}

/* zsh */

#define ZSH_SPECIAL "[]:\\"

/* `others`: the spellings that this one rules out, itself included. */
static void zsh_spelling(const struct settings_option *option, const char *others, const char *spelling, bool negated)
{
	printf("\t'");
	if (repeatable(option))
		putchar('*');
	else
		printf("(%s)", others);
	printf("%s[", spelling);
	print_help(option, negated, ZSH_SPECIAL);
	putchar(']');
	switch (negated ? VALUE_NONE : value_of(option)) {
	case VALUE_NONE:
		break;
	case VALUE_ANY:
		printf(":%s: ", option->value);
		break;
	case VALUE_WORDS:
		printf(":%s:(", option->value);
		print_choices(option);
		putchar(')');
		break;
	case VALUE_COLUMN:
		printf(":%s: _iotopx_%s", option->value, name_of(page_of(option)));
		break;
	case VALUE_COLUMNS:
		printf(":%s: _iotopx_%s -s ,", option->value, name_of(page_of(option)));
		break;
	case VALUE_FILE:
		printf(":%s:_files", option->value);
		break;
	case VALUE_USER:
		printf(":%s:_users", option->value);
		break;
	case VALUE_PID:
		printf(":%s:_pids", option->value);
		break;
	}
	puts("'");
}

static void zsh_option(const struct settings_option *option)
{
	char others[160] = "", spelling[64];
	size_t used = 0;

	if (option->letter)
		used += (size_t)snprintf(others, sizeof(others), "-%c ", option->letter);
	used += (size_t)snprintf(others + used, sizeof(others) - used, "--%s", option->name);
	if (option->flags & SETTINGS_PAIR)
		snprintf(others + used, sizeof(others) - used, " --no-%s", option->name);
	if (option->letter) {
		snprintf(spelling, sizeof(spelling), "-%c%s", option->letter, option->value ? "+" : "");
		zsh_spelling(option, others, spelling, false);
	}
	snprintf(spelling, sizeof(spelling), "--%s%s", option->name, option->value ? "=" : "");
	zsh_spelling(option, others, spelling, false);
	if (option->flags & SETTINGS_PAIR) {
		snprintf(spelling, sizeof(spelling), "--no-%s", option->name);
		zsh_spelling(option, others, spelling, true);
	}
}

static void zsh_key(const char *key, const char *help)
{
	printf(" \\\n\t\t'%s[", key);
	print_quoted(help, ZSH_SPECIAL);
	fputs("]'", stdout);
}

static void zsh_keys(const struct page *page)
{
	printf("_iotopx_%s()\n{\n\t_values \"$@\" column", name_of(page));
	each_column(page, zsh_key);
	puts("\n}\n");
}

static void print_zsh(void)
{
	puts("#compdef iotopx\n"
	     "# zsh completion for iotopx, made from its table of options.\n");
	each_page(zsh_keys);
	puts("local -a specs=(");
	for (size_t i = 0; i < settings_option_count; i++)
		zsh_option(&settings_options[i]);
	puts(")\n\n_arguments -s $specs");
}

/* fish */

static void fish_option(const struct settings_option *option)
{
	printf("complete -c iotopx -l %s", option->name);
	if (option->letter)
		printf(" -s %c", option->letter);
	switch (value_of(option)) {
	case VALUE_NONE:
		break;
	case VALUE_ANY:
		fputs(" -x", stdout);
		break;
	case VALUE_WORDS:
		fputs(" -x -a '", stdout);
		print_choices(option);
		putchar('\'');
		break;
	case VALUE_COLUMN:
		printf(" -x -a '(__iotopx_%s)'", name_of(page_of(option)));
		break;
	case VALUE_COLUMNS:
		printf(" -x -a '(__fish_complete_list , __iotopx_%s)'", name_of(page_of(option)));
		break;
	case VALUE_FILE:
		fputs(" -r -F", stdout);
		break;
	case VALUE_USER:
		fputs(" -x -a '(__fish_complete_users)'", stdout);
		break;
	case VALUE_PID:
		fputs(" -x -a '(__fish_complete_pids)'", stdout);
		break;
	}
	fputs(" -d '", stdout);
	print_help(option, false, "\\");
	puts("'");
	if (option->flags & SETTINGS_PAIR) {
		printf("complete -c iotopx -l no-%s -d '", option->name);
		print_help(option, true, "\\");
		puts("'");
	}
}

static void fish_key(const char *key, const char *help)
{
	printf("\tprintf '%%s\\t%%s\\n' %s '", key);
	print_quoted(help, "\\");
	puts("'");
}

static void fish_keys(const struct page *page)
{
	printf("function __iotopx_%s\n", name_of(page));
	each_column(page, fish_key);
	puts("end\n");
}

static void print_fish(void)
{
	puts("# fish completion for iotopx, made from its table of options.\n");
	each_page(fish_keys);
	puts("complete -c iotopx -f");
	for (size_t i = 0; i < settings_option_count; i++)
		fish_option(&settings_options[i]);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };

	for (size_t i = 0; argc == 3 && i < sizeof(shells) / sizeof(*shells); i++) {
		if (strcmp(argv[1], shells[i].name) != 0)
			continue;
		if (!freopen(argv[2], "w", stdout)) {
			perror(argv[2]);
			return EXIT_FAILURE;
		}
		shells[i].print();
		if (fflush(stdout) == 0 && !ferror(stdout))
			return EXIT_SUCCESS;
		perror(argv[2]);
		return EXIT_FAILURE;
	}
	fprintf(stderr, "usage: %s bash|zsh|fish FILE\n", argv[0]);
	return 2;
}
