/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config-expand.c - see config-private.h: one group, many BMCs. */
#include "core/config-private.h"

#include "core/range.h"

#include <string.h>

/* The keys whose values run in step with the names.  A password is what it is,
 * and a pattern, too. */
static const char *const ranged_keys[]
    = { "address", "address2", "host", "was", "labels", "user", "password-file", "bmc-key-file", NULL };

/* A value that stands for as many as there are names. */
typedef struct
{
  const IniEntry *entry;
  const IpmidOption *option;
  Range *range;
} Ranged;

/* One group under way. */
typedef struct
{
  ConfigLoader *loader;
  const IniGroup *group;
  Range *names;
  BmcSettings *base; /* what all of them have */
  GArray *ranged;    /* Ranged */
} Expansion;

gboolean
config_expand_claim (ConfigLoader *loader, const IniGroup *group, const char *key, const char *owner, const char *thing)
{
  const char *other = g_hash_table_lookup (loader->places, key);

  if (other != NULL)
    {
      if (g_str_equal (owner, thing))
        config_report_problem (loader, CONFIG_ERROR, group->file, group->line,
                               "%s stands here for the second time: see %s", owner, other);
      else
        config_report_problem (loader, CONFIG_ERROR, group->file, group->line, "%s: %s belongs to %s", owner, thing,
                               other);
      return FALSE;
    }
  g_hash_table_insert (loader->places, g_strdup (key),
                       g_strdup_printf ("%s in %s:%u", owner, group->file, group->line));
  return TRUE;
}

static void
clear_ranged (gpointer data)
{
  range_free (((Ranged *) data)->range);
}

/* Takes what is the same for all, and puts the rest aside. */
static gboolean
take_entry (Expansion *expansion, const IniEntry *entry, const IpmidOption *option)
{
  ConfigLoader *loader = expansion->loader;
  const IniGroup *group = expansion->group;
  g_autoptr (GError) error = NULL;
  g_autoptr (Range) range = NULL;
  guint names = range_count (expansion->names);

  if (!g_strv_contains (ranged_keys, entry->key))
    return config_file_set_option (loader, group, entry, option, entry->value, expansion->base);
  range = range_parse (entry->value, &error);
  if (range == NULL)
    {
      config_report_problem (loader, CONFIG_ERROR, group->file, entry->line, "%s: %s", entry->key, error->message);
      return FALSE;
    }
  if (!range_is_many (range))
    return config_file_set_option (loader, group, entry, option, entry->value, expansion->base);
  if (range_count (range) != names)
    {
      config_report_problem (loader, CONFIG_ERROR, group->file, entry->line,
                             "%s stands for %u values, but [%s] for %u BMCs: give as many of both", entry->key,
                             range_count (range), group->name, names);
      return FALSE;
    }
  g_array_append_val (expansion->ranged, ((Ranged){ entry, option, g_steal_pointer (&range) }));
  return TRUE;
}

static gboolean
take_entries (Expansion *expansion)
{
  const IniGroup *group = expansion->group;
  gboolean ok = TRUE;

  for (guint i = 0; i < group->entries->len; i++)
    {
      const IniEntry *entry = group->entries->pdata[i];
      const IpmidOption *option
          = config_file_find_option (expansion->loader, group, entry, expansion->loader->tables[CONFIG_IN_BMC]);

      if (option == NULL || !take_entry (expansion, entry, option))
        ok = FALSE;
    }
  return ok;
}

/* The name is taken whatever else is wrong, so that a second one is found. */
static gboolean
claim_name (const Expansion *expansion, const char *name)
{
  g_autofree char *key = g_strconcat ("bmc ", name, NULL), *owner = g_strdup_printf ("BMC \"%s\"", name);

  return config_expand_claim (expansion->loader, expansion->group, key, owner, owner);
}

static gboolean
make_one (const Expansion *expansion, guint index)
{
  g_autofree char *name = range_nth (expansion->names, index);
  g_autoptr (BmcSettings) settings = config_settings_copy (expansion->base);

  for (guint i = 0; i < expansion->ranged->len; i++)
    {
      const Ranged *ranged = &g_array_index (expansion->ranged, Ranged, i);
      g_autofree char *value = range_nth (ranged->range, index);

      if (!config_file_set_option (expansion->loader, expansion->group, ranged->entry, ranged->option, value, settings))
        return FALSE;
    }
  if (index == 0)
    config_bmc_warn (expansion->loader, expansion->group, settings);
  return config_bmc_make (expansion->loader, expansion->group, name, settings);
}

static void
expand (Expansion *expansion)
{
  const IniGroup *group = expansion->group;
  guint names = range_count (expansion->names);
  gboolean ok = TRUE, keys_ok;

  for (guint i = 0; i < names && ok; i++)
    {
      g_autofree char *name = range_nth (expansion->names, i);
      g_autoptr (GError) error = NULL;

      ok = core_config_check_name (name, "a BMC", &error);
      if (!ok)
        config_report_problem (expansion->loader, CONFIG_ERROR, group->file, group->line, "%s", error->message);
      ok = ok && claim_name (expansion, name);
    }
  /* Every mistake of the group itself is told; of its BMCs, those of the first
   * one that has any. */
  keys_ok = config_bmc_apply_credentials (expansion->loader, group, expansion->base);
  keys_ok = take_entries (expansion) && keys_ok;
  for (guint i = 0; i < names && ok; i++)
    ok = make_one (expansion, i) && keys_ok;
}

void
config_expand_bmcs (ConfigLoader *loader, const IniGroup *group, const char *names)
{
  Expansion expansion = { .loader = loader, .group = group };
  g_autoptr (GError) error = NULL;

  expansion.names = range_parse (names, &error);
  if (expansion.names == NULL)
    {
      config_report_problem (loader, CONFIG_ERROR, group->file, group->line, "%s", error->message);
      return;
    }
  expansion.base = config_settings_copy (loader->defaults);
  expansion.ranged = g_array_new (FALSE, FALSE, sizeof (Ranged));
  g_array_set_clear_func (expansion.ranged, clear_ranged);
  expand (&expansion);
  g_array_unref (expansion.ranged);
  config_settings_free (expansion.base);
  range_free (expansion.names);
}
