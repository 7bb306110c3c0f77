/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config-settings.c - see config-private.h: the keys of a BMC. */
#include "core/config-private.h"

#include "core/options.h"
#include "core/quiet.h"
#include "event/error.h"
#include "event/text.h"

#include <string.h>

#define AT(member) G_STRUCT_OFFSET (BmcSettings, member)

#define LABELS_MAX 32u
#define LABEL_MAX 128u /* bytes, of KEY=VALUE */

static const IpmidOption own_options[] = {
  { .key = "address",
    .type = IPMID_OPTION_STRING,
    .offset = AT (address),
    .argument = "ADDRESS",
    .help
    = "Where the BMC is: a name, an IPv4 address, an IPv6 address (in brackets if a port follows), each with an "
      "optional :PORT (623), or smi N for this machine's own BMC behind /dev/ipmiN.  Names are looked up again on "
      "every connect." },
  { .key = "address2",
    .type = IPMID_OPTION_STRING,
    .offset = AT (address2),
    .argument = "ADDRESS",
    .help = "A second way to the same BMC." },
  { .key = "host",
    .type = IPMID_OPTION_STRING,
    .offset = AT (server),
    .argument = "HOST",
    .help = "The server that the BMC belongs to, by name or address.  It is only shown." },
  { .key = "was",
    .type = IPMID_OPTION_STRING,
    .offset = AT (was),
    .argument = "NAME",
    .help = "An earlier name of this BMC, whose history it keeps." },
  { .key = "credentials",
    .type = IPMID_OPTION_STRING,
    .offset = AT (credentials),
    .argument = "NAME",
    .help = "Take user, password and K_g from [credentials NAME]." },
  { .key = "password-file",
    .type = IPMID_OPTION_PATH,
    .offset = AT (password_file),
    .argument = "FILE",
    .help = "The password is the one line of this file.  Nobody but its owner, root or ipmid's user, may read it." },
  { .key = "credential",
    .type = IPMID_OPTION_STRING,
    .offset = AT (credential),
    .argument = "NAME",
    .help = "The password is the systemd credential of this name, a file in $CREDENTIALS_DIRECTORY." },
  { .key = "bmc-key-file",
    .type = IPMID_OPTION_PATH,
    .offset = AT (bmc_key_file),
    .argument = "FILE",
    .help
    = "K_g is in this file: as one line of text, as 0x and hexadecimal digits, or as 20 bytes of any kind.  Nobody "
      "but its owner may read it." },
  { .key = "labels",
    .type = IPMID_OPTION_STRING,
    .offset = AT (labels),
    .argument = "KEY=VALUE...",
    .help
    = "Labels, split at blanks, as in site=north rack=r1; a value with blanks stands in quotes.  They come on top "
      "of the labels of [defaults]." },
  { .key = "enabled",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (enabled),
    .fallback = "yes",
    .argument = "yes|no",
    .help = "A BMC that is not enabled is checked, but not watched." },
  { .key = "silence-until",
    .type = IPMID_OPTION_STRING,
    .offset = AT (silence_until),
    .argument = "TIME",
    .help = "No notifications about this BMC before this time, as in 2026-11-21 10:00 (local time) or "
            "2026-11-21T10:00:00Z.  Its events are stored all the same." },
  { .key = NULL },
};

#define IN_ALL (CONFIG_IN_BMC | CONFIG_IN_DEFAULTS | CONFIG_IN_CREDENTIALS)
#define IN_BOTH (CONFIG_IN_BMC | CONFIG_IN_DEFAULTS)

/* All keys in the order of the manual; those that are not ours are
 * connection_options'.  A fallback or help here takes the place of theirs. */
static const struct
{
  const char *key;
  guint groups;
  const char *fallback;
  const char *help;
} keys[] = {
  { "address", CONFIG_IN_BMC, NULL, NULL },
  { "address2", CONFIG_IN_BMC, NULL, NULL },
  { "family", IN_BOTH, NULL, NULL },
  { "credentials", IN_BOTH, NULL, NULL },
  { "user", IN_ALL, NULL, NULL },
  { "password-file", IN_ALL, NULL, NULL },
  { "password", IN_ALL, NULL,
    "The password itself, at most 20 bytes.  A file with this key in it is refused if anybody but its owner may read "
    "it." },
  { "credential", CONFIG_IN_CREDENTIALS, NULL, NULL },
  { "bmc-key-file", IN_ALL, NULL, NULL },
  { "bmc-key", IN_ALL, NULL,
    "K_g itself, the second key of BMCs that want two: text, or 0x and up to 40 hexadecimal digits.  As with password, "
    "nobody else may read the file." },
  { "privilege", IN_BOTH, NULL,
    "The privilege to ask the BMC for.  The default is what suffices: user to read, operator if a handler of this "
    "configuration deletes records." },
  { "cipher-suite", IN_BOTH, "auto",
    "The cipher suite of RMCP+; auto is the best that the BMC offers, 17 before 3.  Suites 0, 1, 2, 15 and 16 lack "
    "authentication or encryption: they are a warning, and 0 cannot stand in [defaults]." },
  { "authtype", IN_BOTH, NULL,
    "The kind of session.  The default is RMCP+ and nothing weaker.  none, md2, md5, straight and oem are IPMI 1.5, "
    "without encryption: they are a warning, and cannot stand in [defaults]." },
  { "name-only-lookup", IN_BOTH, NULL, NULL },
  { "hacks", IN_BOTH, NULL, NULL },
  { "max-outstanding", IN_BOTH, NULL, NULL },
  { "sel-interval", IN_BOTH, NULL, NULL },
  { "sensor-interval", IN_BOTH, "30s", "How often to read the sensors, at the shortest every 250ms; 0s: not at all." },
  { "sensor-intervals", IN_BOTH, NULL, NULL },
  { "labels", IN_BOTH, NULL, NULL },
  { "host", CONFIG_IN_BMC, NULL, NULL },
  { "enabled", IN_BOTH, NULL, NULL },
  { "silence-until", IN_BOTH, NULL, NULL },
  { "was", CONFIG_IN_BMC, NULL, NULL },
};

/* ------------------------------------------------------------------- tables */

IpmidOption *
config_settings_table (ConfigGroups group)
{
  IpmidOption *table = g_new0 (IpmidOption, G_N_ELEMENTS (keys) + 1), *next = table;

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const IpmidOption *option = options_find (own_options, keys[i].key);

      if ((keys[i].groups & group) == 0)
        continue;
      *next = option != NULL ? *option : *options_find (connection_options, keys[i].key);
      if (keys[i].fallback != NULL)
        next->fallback = keys[i].fallback;
      if (keys[i].help != NULL)
        next->help = keys[i].help;
      next++;
    }
  return table;
}

BmcSettings *
config_settings_new (void)
{
  BmcSettings *settings = g_new0 (BmcSettings, 1);

  options_init (connection_options, settings);
  options_init (own_options, settings);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (keys[i].fallback != NULL)
      options_set (options_find (connection_options, keys[i].key), settings, keys[i].fallback, NULL);
  return settings;
}

BmcSettings *
config_settings_copy (const BmcSettings *settings)
{
  BmcSettings *copy = config_settings_new ();

  options_copy (connection_options, settings, copy);
  options_copy (own_options, settings, copy);
  return copy;
}

void
config_settings_free (BmcSettings *settings)
{
  if (settings == NULL)
    return;
  options_clear (connection_options, settings);
  options_clear (own_options, settings);
  g_free (settings);
}

/* ------------------------------------------------------------------- values */

/* The key is a word, so that filters can name it. */
static gboolean
check_label (const char *label, GError **error)
{
  gsize length = strspn (label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
  g_autofree char *clean = text_clean (label, -1, LABEL_MAX);

  if (length > 0 && label[length] == '=' && label[length + 1] != '\0' && g_str_equal (clean, label))
    return TRUE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
               "labels: '%s' is not of the form KEY=VALUE: a key has letters, digits and _ . -, and both together at "
               "most %u bytes",
               clean, LABEL_MAX);
  return FALSE;
}

char **
config_settings_parse_labels (const char *text, GError **error)
{
  g_auto (GStrv) labels = NULL;
  g_autoptr (GError) local = NULL;

  if (text[strspn (text, " \t")] == '\0')
    return g_new0 (char *, 1);
  if (!g_shell_parse_argv (text, NULL, &labels, &local))
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "labels: %s", local->message);
      return NULL;
    }
  for (char **label = labels; *label != NULL; label++)
    if (!check_label (*label, error))
      return NULL;
  if (g_strv_length (labels) > LABELS_MAX)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "labels: more than %u of them", LABELS_MAX);
      return NULL;
    }
  return g_steal_pointer (&labels);
}

void
config_settings_judge_silence (ConfigLoader *loader, const IniGroup *group, const char *key, gint64 until)
{
  const IniEntry *entry = ini_find (group, key);

  if (until > g_get_real_time () + QUIET_SILENCE_MAX)
    config_report_problem (loader, CONFIG_WARNING, group->file, entry != NULL ? entry->line : group->line,
                           "%s: a silence is none before its end is a year away: give a time within a year", key);
}
