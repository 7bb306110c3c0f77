/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options-text.c - see options.h: likeness of words, durations, sizes. */
#include "core/options.h"

#include "event/error.h"

#include <errno.h>
#include <string.h>

/* Longer keys and words are never a typing mistake of ours. */
#define NEAREST_MAX 40

typedef struct
{
  const char *suffix;
  guint64 factor;
} Unit;

static const Unit duration_units[] = {
  { "us", 1 },
  { "ms", 1000 },
  { "s", 1000 * 1000 },
  { "m", 60ull * 1000 * 1000 },
  { "h", 3600ull * 1000 * 1000 },
  { "d", 86400ull * 1000 * 1000 },
};

/* ------------------------------------------------------------------ nearest */

/* Levenshtein's distance, a swap of neighbours counting as one. */
static guint
distance (const char *a, const char *b)
{
  guint rows[3][NEAREST_MAX + 2] = { { 0 } };
  gsize n = strlen (a), m = strlen (b);

  if (n > NEAREST_MAX || m > NEAREST_MAX)
    return G_MAXUINT;
  for (guint j = 0; j <= m; j++)
    rows[0][j] = j;
  for (guint i = 1; i <= n; i++)
    {
      guint *now = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];

      now[0] = i;
      for (guint j = 1; j <= m; j++)
        {
          now[j] = before[j - 1] + (a[i - 1] != b[j - 1]);
          now[j] = MIN (now[j], MIN (before[j], now[j - 1]) + 1);
          if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            now[j] = MIN (now[j], earlier[j - 2] + 1);
        }
    }
  return rows[n % 3][m];
}

/* Keeps the better of two; what differs in more than a third is no likeness. */
static void
consider (const char *candidate, const char *word, const char **best, guint *best_distance)
{
  guint d = distance (candidate, word);
  guint limit = (guint) MAX (1, MAX (strlen (candidate), MIN (strlen (word), NEAREST_MAX)) / 3);

  if (d <= limit && d < *best_distance)
    {
      *best = candidate;
      *best_distance = d;
    }
}

const char *
options_nearest (const IpmidOption *table, const char *key)
{
  const char *best = NULL;
  guint best_distance = G_MAXUINT;

  for (const IpmidOption *option = table; option != NULL && option->key != NULL; option++)
    consider (option->key, key, &best, &best_distance);
  return best;
}

const char *
options_nearest_word (const char *const *words, const char *word)
{
  const char *best = NULL;
  guint best_distance = G_MAXUINT;

  for (; *words != NULL; words++)
    consider (*words, word, &best, &best_distance);
  return best;
}

/* ------------------------------------------------------------------ numbers */

/* The digits at *text; FALSE if there are none or too many. */
static gboolean
take_number (const char **text, guint64 *number)
{
  char *end;

  if (!g_ascii_isdigit (**text))
    return FALSE;
  errno = 0;
  *number = g_ascii_strtoull (*text, &end, 10);
  *text = end;
  return errno == 0;
}

static const Unit *
take_duration_unit (const char **text)
{
  gsize length = 0;

  while (g_ascii_isalpha ((*text)[length]))
    length++;
  for (guint i = 0; i < G_N_ELEMENTS (duration_units); i++)
    if (strlen (duration_units[i].suffix) == length && strncmp (*text, duration_units[i].suffix, length) == 0)
      {
        *text += length;
        return &duration_units[i];
      }
  return NULL;
}

/* One "5m" after the other, added up. */
static gboolean
sum_durations (const char *text, guint64 *sum)
{
  *sum = 0;
  if (g_str_equal (text, "0"))
    return TRUE;
  do
    {
      guint64 number;
      const Unit *unit;

      if (!take_number (&text, &number) || (unit = take_duration_unit (&text)) == NULL
          || !g_uint64_checked_mul (&number, number, unit->factor) || !g_uint64_checked_add (sum, *sum, number)
          || *sum > G_MAXINT64)
        return FALSE;
    }
  while (*text != '\0');
  return TRUE;
}

gboolean
options_parse_duration (const char *text, gint64 *duration, GError **error)
{
  guint64 sum;

  if (!sum_durations (text, &sum))
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   "'%s' is no duration: give a number and a unit, as in 250ms, 30s, 5m, 1h or 1d", text);
      return FALSE;
    }
  *duration = (gint64) sum;
  return TRUE;
}

char *
options_format_duration (gint64 duration)
{
  guint i = G_N_ELEMENTS (duration_units) - 1;

  if (duration == 0)
    return g_strdup ("0");
  while ((guint64) duration % duration_units[i].factor != 0)
    i--;
  return g_strdup_printf ("%" G_GINT64_FORMAT "%s", duration / (gint64) duration_units[i].factor,
                          duration_units[i].suffix);
}

gboolean
options_parse_size (const char *text, gint64 *size, GError **error)
{
  static const char suffixes[] = "kMGT";
  const char *rest = text, *suffix = NULL;
  guint64 number;
  gboolean ok = take_number (&rest, &number);

  if (ok && *rest != '\0')
    {
      suffix = strchr (suffixes, *rest == 'K' ? 'k' : *rest);
      ok = suffix != NULL && rest[1] == '\0';
    }
  if (ok && suffix != NULL)
    ok = g_uint64_checked_mul (&number, number, G_GUINT64_CONSTANT (1) << (10 * (suffix - suffixes + 1)));
  if (!ok || number > G_MAXINT64)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   "'%s' is no size: give a number of bytes, or one with a unit, as in 64k, 16M or 1G", text);
      return FALSE;
    }
  *size = (gint64) number;
  return TRUE;
}

char *
options_format_size (gint64 size)
{
  static const char *const suffixes[] = { "", "k", "M", "G" };
  guint i = 0;

  while (i + 1 < G_N_ELEMENTS (suffixes) && size != 0 && size % 1024 == 0)
    {
      size /= 1024;
      i++;
    }
  return g_strdup_printf ("%" G_GINT64_FORMAT "%s", size, suffixes[i]);
}
