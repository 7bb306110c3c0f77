/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config-file.c - see config-file.h: files, groups, keys. */
#include "core/config-private.h"

#include "core/options.h"
#include "event/error.h"

#include <string.h>

/* One file that was read. */
typedef struct
{
  Ini *ini;
  struct stat status;
  gboolean secrets_only; /* [daemon] credentials-file: [credentials] and nothing else */
  gboolean exposed;      /* somebody else may read its secrets, and that was said */
} Source;

typedef enum
{
  KIND_DAEMON,
  KIND_DEFAULTS,
  KIND_CREDENTIALS,
  KIND_HANDLER,
  KIND_BMC,
  N_KINDS,
} Kind;

static const char *const kind_words[] = { "daemon", "defaults", "credentials", "handler", "bmc", NULL };

guint
config_file_source_index (const ConfigLoader *loader, const char *file)
{
  guint i = 0;

  while (i < loader->sources->len && !g_str_equal (((Source *) loader->sources->pdata[i])->ini->file, file))
    i++;
  return i;
}

/* --------------------------------------------------------------------- keys */

const IpmidOption *
config_file_find_option (ConfigLoader *loader, const IniGroup *group, const IniEntry *entry, const IpmidOption *table)
{
  const IpmidOption *option = options_find (table, entry->key);
  const char *nearest;

  if (option != NULL)
    return option;
  nearest = options_nearest (table, entry->key);
  config_report_problem (loader, CONFIG_ERROR, group->file, entry->line, "\"%s\" is no key of [%s]%s%s%s", entry->key,
                         group->name, nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                         nearest != NULL ? "\"?" : "");
  return NULL;
}

/* A file with a secret in it is for its owner's eyes only. */
void
config_file_note_secret (ConfigLoader *loader, const IniGroup *group, const IniEntry *entry)
{
  Source *source = loader->sources->pdata[config_file_source_index (loader, group->file)];
  g_autoptr (GError) error = NULL;

  if (source->exposed || config_secret_check_file (group->file, &source->status, &error))
    return;
  source->exposed = TRUE;
  config_report_problem (loader, CONFIG_ERROR, group->file, entry->line, "there is a secret in this file: %s",
                         error->message);
}

gboolean
config_file_set_option (ConfigLoader *loader, const IniGroup *group, const IniEntry *entry, const IpmidOption *option,
                        const char *value, gpointer state)
{
  g_autoptr (GError) error = NULL;
  char *text = NULL;
  gboolean ok;

  if (option->type == IPMID_OPTION_SECRET)
    config_file_note_secret (loader, group, entry);
  /* A list has escapes of its own. */
  if (option->type == IPMID_OPTION_LIST)
    ok = options_set (option, state, value, &error);
  else
    {
      text = ini_unescape (value, &error);
      if (text == NULL)
        g_prefix_error (&error, "%s: ", option->key);
      ok = text != NULL && options_set (option, state, text, &error);
      options_free_secret (text);
    }
  if (!ok)
    config_report_problem (loader, CONFIG_ERROR, group->file, entry->line, "%s", error->message);
  return ok;
}

gboolean
config_file_set_group (ConfigLoader *loader, const IniGroup *group, const IpmidOption *table, gpointer state)
{
  gboolean ok = TRUE;

  for (guint i = 0; i < group->entries->len; i++)
    {
      const IniEntry *entry = group->entries->pdata[i];
      const IpmidOption *option = config_file_find_option (loader, group, entry, table);

      if (option == NULL || !config_file_set_option (loader, group, entry, option, entry->value, state))
        ok = FALSE;
    }
  return ok;
}

/* -------------------------------------------------------------------- files */

static void
free_source (gpointer data)
{
  Source *source = data;

  ini_free (source->ini);
  g_free (source);
}

typedef struct
{
  ConfigLoader *loader;
  const char *file;
} MistakeContext;

static void
on_mistake (guint line, const char *message, gpointer user_data)
{
  const MistakeContext *context = user_data;

  config_report_problem (context->loader, CONFIG_ERROR, context->file, line, "%s", message);
}

static Source *
read_source (ConfigLoader *loader, const char *path)
{
  MistakeContext context = { loader, path };
  g_autoptr (GError) error = NULL;
  Source *source;
  char *text;
  gsize length;
  struct stat status;

  if (!config_secret_read (path, INI_SIZE_MAX, &text, &length, &status, &error))
    {
      config_report_problem (loader, CONFIG_ERROR, path, 0, "%s", error->message);
      return NULL;
    }
  source = g_new0 (Source, 1);
  source->status = status;
  source->ini = ini_parse (path, text, length, on_mistake, &context);
  g_ptr_array_add (loader->sources, source);
  config_secret_wipe (text, length);
  return source;
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The names in conf.d beside the main file that count, sorted. */
static GPtrArray *
list_directory (const char *directory)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  GDir *dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (name[0] != '.' && g_str_has_suffix (name, ".conf"))
      g_ptr_array_add (paths, g_build_filename (directory, name, NULL));
  g_clear_pointer (&dir, g_dir_close);
  g_ptr_array_sort (paths, compare_names);
  return paths;
}

static void
read_sources (ConfigLoader *loader, const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *directory = g_build_filename (parent, "conf.d", NULL);
  g_autoptr (GPtrArray) paths = list_directory (directory);

  read_source (loader, path);
  for (guint i = 0; i < paths->len; i++)
    read_source (loader, paths->pdata[i]);
}

/* The file that daemon.credentials-file names. */
static void
read_credentials (ConfigLoader *loader)
{
  Source *source = loader->credentials_file != NULL ? read_source (loader, loader->credentials_file) : NULL;

  if (source != NULL)
    source->secrets_only = TRUE;
}

/* ------------------------------------------------------------------- groups */

/* "bmc node1" is a kind and a name. */
static gboolean
split_group (ConfigLoader *loader, const IniGroup *group, Kind *kind, const char **name)
{
  gsize length = strcspn (group->name, " \t");
  g_autofree char *word = g_strndup (group->name, length);
  const char *nearest;
  guint i = 0;

  while (i < N_KINDS && !g_str_equal (kind_words[i], word))
    i++;
  *kind = (Kind) i;
  *name = group->name + length + strspn (group->name + length, " \t");
  if (i == N_KINDS)
    {
      nearest = options_nearest_word (kind_words, word);
      config_report_problem (loader, CONFIG_ERROR, group->file, group->line, "[%s] is no group of ipmid's%s%s%s",
                             group->name, nearest != NULL ? "; did you mean [" : "", nearest != NULL ? nearest : "",
                             nearest != NULL ? "]?" : ": daemon, defaults, bmc, credentials and handler are");
      return FALSE;
    }
  if ((*kind == KIND_DAEMON || *kind == KIND_DEFAULTS) != (**name == '\0'))
    {
      config_report_problem (loader, CONFIG_ERROR, group->file, group->line,
                             **name == '\0' ? "[%s] needs a name, as in [%s NAME]" : "[%s] takes no name: write [%s]",
                             group->name, word);
      return FALSE;
    }
  return TRUE;
}

/* Hands the groups of one kind to whom they belong. */
static void
take_group (ConfigLoader *loader, const IniGroup *group, Kind kind, const char *name)
{
  g_autofree char *key = g_strdup_printf ("%s %s", kind_words[kind], name);
  g_autofree char *owner = g_strdup_printf ("[%s]", group->name);

  /* BMCs are told apart by what their names stand for. */
  if (kind != KIND_BMC && !config_expand_claim (loader, group, key, owner, owner))
    return;
  switch (kind)
    {
    case KIND_DAEMON:
      config_daemon_take (loader, group);
      break;
    case KIND_DEFAULTS:
      config_bmc_take_defaults (loader, group);
      break;
    case KIND_CREDENTIALS:
      config_bmc_take_credentials (loader, group, name);
      break;
    case KIND_HANDLER:
      config_handler_take (loader, group, name);
      break;
    case KIND_BMC:
    case N_KINDS:
    default:
      config_expand_bmcs (loader, group, name);
      break;
    }
}

static void
take_kind (ConfigLoader *loader, Kind wanted)
{
  for (guint i = 0; i < loader->sources->len; i++)
    {
      const Source *source = loader->sources->pdata[i];

      for (guint j = 0; j < source->ini->groups->len; j++)
        {
          const IniGroup *group = source->ini->groups->pdata[j];
          Kind kind;
          const char *name;

          if (!split_group (loader, group, &kind, &name) || kind != wanted)
            continue;
          if (source->secrets_only && kind != KIND_CREDENTIALS)
            config_report_problem (loader, CONFIG_ERROR, group->file, group->line,
                                   "[%s] cannot stand in a credentials-file: only [credentials NAME] can", group->name);
          else
            take_group (loader, group, kind, name);
        }
    }
}

/* What is no mistake, but will surprise. */
static void
warn_of_nothing (ConfigLoader *loader, const char *path)
{
  if (loader->sources->len == 0) /* of which nothing could be read */
    return;
  if (loader->config->bmcs->len == 0)
    config_report_problem (loader, CONFIG_WARNING, path, 0, "no BMC is watched: there is no enabled [bmc NAME]");
  if (loader->config->handlers->len == 0)
    config_report_problem (loader, CONFIG_WARNING, path, 0, "nobody gets the events: there is no [handler NAME]");
}

static void
load (ConfigLoader *loader, const char *path)
{
  read_sources (loader, path);
  take_kind (loader, KIND_DAEMON);
  if (loader->config->plugin_dir == NULL) /* there was no [daemon] */
    config_daemon_take (loader, NULL);
  read_credentials (loader);
  take_kind (loader, KIND_DEFAULTS);
  take_kind (loader, KIND_CREDENTIALS);
  take_kind (loader, KIND_HANDLER);
  take_kind (loader, KIND_BMC);
  warn_of_nothing (loader, path);
}

static void
start_loader (ConfigLoader *loader, const ConfigOverrides *overrides)
{
  static const ConfigOverrides none = { 0 };

  *loader = (ConfigLoader){ .overrides = overrides != NULL ? overrides : &none };
  loader->problems = config_report_problems_new ();
  loader->sources = g_ptr_array_new_with_free_func (free_source);
  loader->places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  loader->secret_files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) options_free_secret);
  loader->config = core_config_new ();
  config_bmc_start (loader);
}

static void
end_loader (ConfigLoader *loader)
{
  config_bmc_end (loader);
  g_array_unref (loader->problems);
  g_ptr_array_unref (loader->sources);
  g_hash_table_unref (loader->places);
  g_hash_table_unref (loader->secret_files);
  core_config_unref (loader->config);
  g_free (loader->credentials_file);
}

CoreConfig *
config_file_load (const char *path, const ConfigOverrides *overrides, ConfigReport *report)
{
  ConfigLoader loader;
  CoreConfig *config = NULL;

  start_loader (&loader, overrides);
  load (&loader, path);
  config_report_fill (&loader, report);
  if (report->errors->len == 0)
    config = g_steal_pointer (&loader.config);
  end_loader (&loader);
  return config;
}

/* The socket of the handler of ipmidctl, if a group names one. */
static char *
find_socket (const ConfigLoader *loader)
{
  for (guint i = 0; i < loader->sources->len; i++)
    {
      const Ini *ini = ((const Source *) loader->sources->pdata[i])->ini;
      for (guint j = 0; ini != NULL && j < ini->groups->len; j++)
        {
          const IniEntry *plugin = ini_find (ini->groups->pdata[j], "plugin");
          const IniEntry *socket = ini_find (ini->groups->pdata[j], "socket");
          if (plugin != NULL && socket != NULL && strcmp (plugin->value, "http") == 0)
            return ini_unescape (socket->value, NULL);
        }
    }
  return NULL;
}

/* What the file says without its passwords and plugins: the state directory, or the
 * socket. */
static char *
ask_file (const char *path, gboolean for_socket, GError **error)
{
  ConfigLoader loader;
  g_autoptr (ConfigReport) report = config_report_new ();
  char *answer = NULL;

  start_loader (&loader, NULL);
  read_sources (&loader, path);
  take_kind (&loader, KIND_DAEMON);
  if (loader.config->plugin_dir == NULL)
    config_daemon_take (&loader, NULL);
  config_report_fill (&loader, report);
  if (report->errors->len > 0)
    g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_USAGE, report->errors->pdata[0]);
  else if (!for_socket)
    answer = g_strdup (loader.config->state_dir);
  else if ((answer = find_socket (&loader)) == NULL)
    answer = g_build_filename (loader.config->state_dir, "http", NULL);
  end_loader (&loader);
  return answer;
}

char *
config_file_state_dir (const char *path, GError **error)
{
  return ask_file (path, FALSE, error);
}

char *
config_file_socket (const char *path, GError **error)
{
  return ask_file (path, TRUE, error);
}
