/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * screen.h - standard output: how wide it is, whether it has colours, and that
 * nothing which a BMC has said can do anything to a terminal.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include <glib.h>

typedef enum
{
  SCREEN_PLAIN,
  SCREEN_BOLD,
  SCREEN_FAINT,
  SCREEN_GOOD,
  SCREEN_WARNING,
  SCREEN_BAD,
} ScreenColour;

typedef struct
{
  gboolean is_terminal;
  gboolean colours; /* not if NO_COLOR is set (no-color.org) */
  guint width;      /* columns; G_MAXUINT: nothing is cut */
} Screen;

/* Standard output as it is. */
Screen *screen_new (void);
void screen_free (Screen *screen);

/* Prints text that is harmless already. */
void screen_print (const Screen *screen, ScreenColour colour, const char *text);

/* Text without control characters and the like; g_free().  NULL is "". */
char *screen_clean (const char *text);

/* How many columns it takes. */
guint screen_width_of (const char *text);

/* Cut to so many columns, with an ellipsis at its end; g_free(). */
char *screen_cut (const char *text, guint width);

/* The colour of a severity, or of a state of a BMC or handler. */
ScreenColour screen_colour_of (const char *word);

#endif
