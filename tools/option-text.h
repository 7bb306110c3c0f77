/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * option-text.h - option tables as mdoc(7) source, for the programs that make
 * manual pages when ipmid is built.
 */
#ifndef OPTION_TEXT_H
#define OPTION_TEXT_H

#include <ipmid/plugin.h>

/* Prints a list of the options. */
void option_text_print (const IpmidOption *options);

/* Prints what stands for a line "@WORD@" of a template; FALSE if it is none. */
typedef gboolean (*OptionTextFunc) (const char *line, gpointer user_data);

/* Copies a template to standard output. */
gboolean option_text_print_page (const char *template, OptionTextFunc fill, gpointer user_data, GError **error);

#endif
