/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.h - rows and columns that fit the screen.
 *
 * Columns are as wide as what is in them.  If that is too much for a terminal,
 * one column gives way, and its texts are cut; else every line is.
 */
#ifndef TABLE_H
#define TABLE_H

#include "screen.h"

typedef struct
{
  const char *title;
  gboolean is_right; /* numbers */
  gboolean gives;    /* this one is cut first */
} TableColumn;

typedef struct _Table Table;

/* `columns` ends with a NULL title, and stays the caller's. */
Table *table_new (const TableColumn *columns);
void table_free (Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Table, table_free)

/* The next cell; after the last column of a row begins the next row.  Text of any
 * kind; NULL is empty. */
void table_add (Table *table, ScreenColour colour, const char *text);
void table_add_integer (Table *table, gint64 number);

/* Prints the titles and the rows. */
void table_print (Table *table, const Screen *screen);

#endif
