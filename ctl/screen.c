/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* screen.c - see screen.h. */
#include "screen.h"

#include "event/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TEXT_MAX 4096
#define WIDTH_MIN 20
#define WIDTH_DEFAULT 80

static guint
terminal_width (void)
{
  struct winsize size;
  const char *columns = g_getenv ("COLUMNS");
  guint64 said = columns == NULL ? 0 : g_ascii_strtoull (columns, NULL, 10);

  if (said == 0 && ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
    said = size.ws_col;
  return said == 0 ? WIDTH_DEFAULT : (guint) CLAMP (said, WIDTH_MIN, 10000);
}

static gboolean
has_colours (void)
{
  const char *no_color = g_getenv ("NO_COLOR"), *term = g_getenv ("TERM");

  return (no_color == NULL || no_color[0] == '\0') && term != NULL && strcmp (term, "dumb") != 0;
}

Screen *
screen_new (void)
{
  Screen *screen = g_new0 (Screen, 1);

  screen->is_terminal = isatty (STDOUT_FILENO) == 1;
  screen->colours = screen->is_terminal && has_colours ();
  screen->width = screen->is_terminal ? terminal_width () : G_MAXUINT;
  return screen;
}

void
screen_free (Screen *screen)
{
  g_free (screen);
}

void
screen_print (const Screen *screen, ScreenColour colour, const char *text)
{
  static const char *const codes[] = {
    [SCREEN_BOLD] = "1", [SCREEN_FAINT] = "2", [SCREEN_GOOD] = "32", [SCREEN_WARNING] = "33", [SCREEN_BAD] = "31;1",
  };

  if (screen->colours && colour != SCREEN_PLAIN)
    printf ("\033[%sm%s\033[0m", codes[colour], text);
  else
    fputs (text, stdout);
}

char *
screen_clean (const char *text)
{
  return text_clean (text == NULL ? "" : text, -1, TEXT_MAX);
}

static guint
width_of (gunichar c)
{
  if (g_unichar_iszerowidth (c))
    return 0;
  return g_unichar_iswide (c) ? 2 : 1;
}

guint
screen_width_of (const char *text)
{
  guint width = 0;

  for (; *text != '\0'; text = g_utf8_next_char (text))
    width += width_of (g_utf8_get_char (text));
  return width;
}

char *
screen_cut (const char *text, guint width)
{
  const char *at = text;
  guint used = 0;

  if (screen_width_of (text) <= width)
    return g_strdup (text);
  while (*at != '\0' && used + width_of (g_utf8_get_char (at)) < width)
    {
      used += width_of (g_utf8_get_char (at));
      at = g_utf8_next_char (at);
    }
  g_autofree char *kept = g_strndup (text, (gsize) (at - text));
  return width == 0 ? g_strdup ("") : g_strconcat (kept, "…", NULL);
}

ScreenColour
screen_colour_of (const char *word)
{
  static const struct
  {
    const char *word;
    ScreenColour colour;
  } words[] = {
    { "critical", SCREEN_BAD },
    { "warning", SCREEN_WARNING },
    { "ok", SCREEN_GOOD },
    { "up", SCREEN_GOOD },
    { "down", SCREEN_BAD },
    { "refused", SCREEN_BAD },
    { "failing", SCREEN_BAD },
    { "quarantined", SCREEN_WARNING },
    { "connecting", SCREEN_WARNING },
    { "working", SCREEN_GOOD },
    { "ending", SCREEN_WARNING },
    { "running", SCREEN_GOOD },
    { "unavailable", SCREEN_FAINT },
  };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_strcmp0 (words[i].word, word) == 0)
      return words[i].colour;
  return SCREEN_PLAIN;
}
