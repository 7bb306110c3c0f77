/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table.c - see table.h. */
#include "table.h"

#include <stdio.h>

#define GAP 2u
#define GIVES_TO 8u /* a column that gives way keeps so much */

typedef struct
{
  char *text;
  ScreenColour colour;
} Cell;

struct _Table
{
  const TableColumn *columns;
  guint n_columns;
  GArray *cells; /* Cell, row by row */
};

static void
clear_cell (gpointer data)
{
  g_free (((Cell *) data)->text);
}

Table *
table_new (const TableColumn *columns)
{
  Table *table = g_new0 (Table, 1);

  table->columns = columns;
  while (columns[table->n_columns].title != NULL)
    table->n_columns++;
  table->cells = g_array_new (FALSE, FALSE, sizeof (Cell));
  g_array_set_clear_func (table->cells, clear_cell);
  return table;
}

void
table_free (Table *table)
{
  if (table == NULL)
    return;
  g_array_unref (table->cells);
  g_free (table);
}

void
table_add (Table *table, ScreenColour colour, const char *text)
{
  const Cell cell = { screen_clean (text), colour };

  g_array_append_val (table->cells, cell);
}

void
table_add_integer (Table *table, gint64 number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, number);

  table_add (table, SCREEN_PLAIN, text);
}

static guint *
measure (const Table *table)
{
  guint *widths = g_new0 (guint, table->n_columns + 1);

  for (guint i = 0; i < table->n_columns; i++)
    widths[i] = screen_width_of (table->columns[i].title);
  for (guint i = 0; i < table->cells->len; i++)
    {
      guint *width = &widths[i % table->n_columns];
      *width = MAX (*width, screen_width_of (g_array_index (table->cells, Cell, i).text));
    }
  return widths;
}

/* The column that gives way becomes narrower. */
static void
fit (const Table *table, guint *widths, guint room)
{
  guint total = (table->n_columns - 1) * GAP;

  for (guint i = 0; i < table->n_columns; i++)
    total += widths[i];
  for (guint i = 0; i < table->n_columns && total > room; i++)
    if (table->columns[i].gives)
      {
        guint give = MIN (total - room, widths[i] - MIN (widths[i], GIVES_TO));
        widths[i] -= give;
        total -= give;
      }
}

/* `room`: how many columns are left in this line. */
static void
print_cell (const Table *table, const Screen *screen, guint column, gboolean last, guint width, const char *text,
            ScreenColour colour, guint *room)
{
  g_autofree char *cut = screen_cut (text, MIN (width, *room));
  guint used = screen_width_of (cut);
  guint padding = MIN (width - MIN (used, width), *room - MIN (used, *room));

  if (table->columns[column].is_right)
    printf ("%*s", (int) padding, "");
  screen_print (screen, colour, cut);
  *room -= MIN (*room, width);
  if (last)
    return;
  if (!table->columns[column].is_right)
    printf ("%*s", (int) padding, "");
  printf ("%*s", (int) MIN (GAP, *room), "");
  *room -= MIN (*room, GAP);
}

/* The last column of the row that begins with this cell which has something in it. */
static guint
last_of_row (const Table *table, guint first)
{
  guint last = table->n_columns - 1;

  while (last > 0 && g_array_index (table->cells, Cell, first + last).text[0] == '\0')
    last--;
  return last;
}

static void
print_row (const Table *table, const Screen *screen, const guint *widths, guint first)
{
  guint room = screen->width, last = last_of_row (table, first);

  for (guint i = 0; i <= last; i++)
    {
      const Cell *cell = &g_array_index (table->cells, Cell, first + i);
      print_cell (table, screen, i, i == last, widths[i], cell->text, cell->colour, &room);
    }
  putchar ('\n');
}

void
table_print (Table *table, const Screen *screen)
{
  g_autofree guint *widths = measure (table);
  guint room = screen->width;

  fit (table, widths, screen->width);
  for (guint i = 0; i < table->n_columns; i++)
    print_cell (table, screen, i, i + 1 == table->n_columns, widths[i], table->columns[i].title, SCREEN_BOLD, &room);
  putchar ('\n');
  for (guint first = 0; first + table->n_columns <= table->cells->len; first += table->n_columns)
    print_row (table, screen, widths, first);
}
