/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pattern.c - see pattern.h. */
#include "pattern.h"

#include "error.h"

struct _PatternList
{
  GPtrArray *wanted;   /* char * */
  GPtrArray *excluded; /* char * */
};

/* When a '*' has taken too little, it takes one character more; an earlier '*'
 * never has to be asked again. */
gboolean
pattern_match (const char *pattern, const char *text)
{
  const char *star = NULL, *taken = NULL;

  while (*text != '\0')
    {
      if (*pattern == '*')
        {
          star = ++pattern;
          taken = text;
        }
      else if (*pattern == '?')
        {
          pattern++;
          text = g_utf8_next_char (text);
        }
      else if (g_ascii_tolower (*pattern) == g_ascii_tolower (*text))
        {
          pattern++;
          text++;
        }
      else if (star != NULL)
        {
          pattern = star;
          text = taken = g_utf8_next_char (taken);
        }
      else
        return FALSE;
    }
  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}

PatternList *
pattern_list_new (const char *const *words, GError **error)
{
  if (words == NULL || *words == NULL)
    return NULL;
  g_autoptr (PatternList) list = g_new0 (PatternList, 1);
  list->wanted = g_ptr_array_new_with_free_func (g_free);
  list->excluded = g_ptr_array_new_with_free_func (g_free);
  for (; *words != NULL; words++)
    {
      gboolean excludes = **words == '!';
      const char *pattern = *words + excludes;

      if (*pattern == '\0')
        {
          g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s' is no pattern: a name, in which * and ? may stand",
                       *words);
          return NULL;
        }
      g_ptr_array_add (excludes ? list->excluded : list->wanted, g_strdup (pattern));
    }
  return g_steal_pointer (&list);
}

void
pattern_list_free (PatternList *list)
{
  if (list == NULL)
    return;
  g_ptr_array_unref (list->wanted);
  g_ptr_array_unref (list->excluded);
  g_free (list);
}

static gboolean
any_matches (const GPtrArray *patterns, const char *text)
{
  for (guint i = 0; text != NULL && i < patterns->len; i++)
    if (pattern_match (patterns->pdata[i], text))
      return TRUE;
  return FALSE;
}

gboolean
pattern_list_match (const PatternList *list, const char *text)
{
  if (list == NULL)
    return TRUE;
  return (list->wanted->len == 0 || any_matches (list->wanted, text)) && !any_matches (list->excluded, text);
}
