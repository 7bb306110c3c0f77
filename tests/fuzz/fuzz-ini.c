/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-ini.c - libFuzzer: a configuration file, its ranges and its addresses. */
#include "core/address.h"
#include "core/ini.h"
#include "core/options.h"
#include "core/range.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
on_mistake (guint line, const char *message, gpointer user_data)
{
  g_assert (line > 0 && g_utf8_validate (message, -1, NULL));
  ++*(guint *) user_data;
}

/* What is taken can be told, and is what it was. */
static void
use_range (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Range) range = range_parse (text, &error);

  g_assert ((range == NULL) == (error != NULL));
  if (range == NULL)
    return;
  g_assert (range_count (range) > 0 && range_count (range) <= RANGE_COUNT_MAX);
  for (guint i = 0; i < range_count (range); i += MAX (1, range_count (range) / 3))
    g_free (range_nth (range, i));
  if (!range_is_many (range))
    {
      g_autofree char *same = range_nth (range, 0);
      g_assert (g_str_equal (same, text));
    }
}

static void
use_address (const char *text)
{
  g_autofree char *host = NULL, *port = NULL, *canonical = NULL;

  if (!address_parse (text, &host, &port, NULL))
    return;
  canonical = address_canonical (host);
  g_assert (port == NULL || address_port (port) != 0);
}

static void
use_value (const char *value)
{
  use_range (value);
  use_address (value);
  options_free_secret (ini_unescape (value, NULL));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *copy = g_malloc (size + 1);
  guint mistakes = 0;
  g_autoptr (Ini) ini = NULL;

  if (size > 0)
    memcpy (copy, data, size);
  ini = ini_parse ("f", copy, size, on_mistake, &mistakes);
  for (guint i = 0; i < ini->groups->len; i++)
    {
      const IniGroup *group = ini->groups->pdata[i];

      g_assert (g_utf8_validate (group->name, -1, NULL) && *group->name != '\0');
      use_range (group->name);
      for (guint j = 0; j < group->entries->len; j++)
        {
          const IniEntry *entry = group->entries->pdata[j];

          g_assert (entry->line > group->line && ini_find (group, entry->key) == entry);
          use_value (entry->value);
        }
    }
  return 0;
}
