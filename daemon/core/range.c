/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* range.c - see range.h. */
#include "core/range.h"

#include "event/error.h"

#include <string.h>

#define DIGITS_MAX 9 /* a guint holds them */

/* "001-200", or one number: its own end. */
typedef struct
{
  guint first, last;
  int width; /* digits at least */
} Span;

/* What stands before a range, and the range; the last part has no range. */
typedef struct
{
  char *text;
  GArray *spans; /* Span; NULL: no range */
  guint count;
} Part;

struct _Range
{
  GArray *parts; /* Part */
  guint count;
};

static void
clear_part (gpointer data)
{
  Part *part = data;

  g_free (part->text);
  g_clear_pointer (&part->spans, g_array_unref);
}

void
range_free (Range *range)
{
  if (range == NULL)
    return;
  g_array_unref (range->parts);
  g_free (range);
}

/* The length of what stands between brackets, if it can only be a range. */
static gsize
range_length (const char *text)
{
  gsize length = strspn (text, "0123456789,-");

  return text[length] == ']' ? length : 0;
}

static gboolean
refuse (GError **error, const char *text, gsize length, const char *why)
{
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "the range [%.*s] %s", (int) MIN (length, 64), text, why);
  return FALSE;
}

/* The digits at *text, up to `end`. */
static gboolean
take_number (const char **text, const char *end, guint *number, int *digits)
{
  const char *c = *text;

  *number = 0;
  for (; c < end && g_ascii_isdigit (*c) && c - *text < DIGITS_MAX; c++)
    *number = *number * 10 + (guint) (*c - '0');
  *digits = (int) (c - *text);
  *text = c;
  return *digits > 0 && (c == end || !g_ascii_isdigit (*c));
}

/* One span; NULL, or what is wrong with it. */
static const char *
take_span (const char **text, const char *end, Span *span)
{
  const char *first = *text, *last;
  int digits;

  if (!take_number (text, end, &span->first, &span->width))
    return "needs numbers of at most nine digits, as in [1-20] or [001-200,300]";
  span->last = span->first;
  if (*text < end && **text == '-')
    {
      last = ++*text;
      if (!take_number (text, end, &span->last, &digits))
        return "needs numbers of at most nine digits, as in [1-20] or [001-200,300]";
      if (span->last < span->first)
        return "runs backwards";
      if (*last == '0' && digits != span->width)
        return "has ends with different leading zeros";
    }
  if (*first != '0')
    span->width = 1;
  return NULL;
}

static gboolean
take_spans (Part *part, const char *text, gsize length, GError **error)
{
  const char *c = text, *end = text + length, *wrong;
  guint64 count = 0;

  part->spans = g_array_new (FALSE, FALSE, sizeof (Span));
  for (;; c++)
    {
      Span span;

      wrong = take_span (&c, end, &span);
      if (wrong == NULL && c < end && *c != ',')
        wrong = "is no list of numbers, as in [1-20] or [001-200,300]";
      if (wrong != NULL)
        return refuse (error, text, length, wrong);
      g_array_append_val (part->spans, span);
      count += (guint64) (span.last - span.first) + 1;
      if (count > RANGE_COUNT_MAX)
        return refuse (error, text, length, "stands for more than 65536");
      if (c == end)
        break;
    }
  part->count = (guint) count;
  return TRUE;
}

/* Text up to the next range or the end, and that range. */
static gboolean
take_part (Range *range, const char **text, GError **error)
{
  const char *start = *text, *bracket = start;
  gsize length = 0;
  Part part = { .count = 1 };
  gboolean ok = TRUE;

  while ((bracket = strchr (bracket, '[')) != NULL && (length = range_length (bracket + 1)) == 0)
    bracket++;
  if (bracket == NULL)
    bracket = start + strlen (start);
  part.text = g_strndup (start, (gsize) (bracket - start));
  *text = bracket;
  if (*bracket == '[')
    {
      ok = take_spans (&part, bracket + 1, length, error);
      *text = bracket + length + 2;
    }
  g_array_append_val (range->parts, part);
  return ok;
}

Range *
range_parse (const char *text, GError **error)
{
  g_autoptr (Range) range = g_new0 (Range, 1);
  const char *rest = text;
  guint64 count = 1;

  range->parts = g_array_new (FALSE, FALSE, sizeof (Part));
  g_array_set_clear_func (range->parts, clear_part);
  do
    {
      if (!take_part (range, &rest, error))
        return NULL;
      count *= g_array_index (range->parts, Part, range->parts->len - 1).count;
      if (count > RANGE_COUNT_MAX)
        {
          g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "the ranges together stand for more than %u",
                       RANGE_COUNT_MAX);
          return NULL;
        }
    }
  while (*rest != '\0');
  range->count = (guint) count;
  return g_steal_pointer (&range);
}

guint
range_count (const Range *range)
{
  return range->count;
}

gboolean
range_is_many (const Range *range)
{
  return g_array_index (range->parts, Part, 0).spans != NULL;
}

static void
append_number (GString *out, const Part *part, guint index)
{
  for (guint i = 0; i < part->spans->len; i++)
    {
      const Span *span = &g_array_index (part->spans, Span, i);
      guint size = span->last - span->first + 1;

      if (index < size)
        {
          g_string_append_printf (out, "%0*u", span->width, span->first + index);
          return;
        }
      index -= size;
    }
}

char *
range_nth (const Range *range, guint index)
{
  GString *out = g_string_new (NULL);
  guint rest = range->count;

  g_return_val_if_fail (index < range->count, g_string_free (out, FALSE));
  for (guint i = 0; i < range->parts->len; i++)
    {
      const Part *part = &g_array_index (range->parts, Part, i);

      g_string_append (out, part->text);
      rest /= part->count;
      if (part->spans != NULL)
        append_number (out, part, index / rest);
      index %= rest;
    }
  return g_string_free (out, FALSE);
}
