/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-private.h - what the files behind config-file.h share.
 *
 * config-file.c      files, groups, keys
 * config-report.c    what is wrong with them
 * config-daemon.c    [daemon]
 * config-settings.c  the tables of [bmc], [defaults] and [credentials]
 * config-bmc.c       these groups, and one BMC
 * config-expand.c    ranges: one group, many BMCs; what may stand only once
 * config-secret.c    passwords and K_g, and who may read the files they are in
 * config-handler.c   [handler]
 */
#ifndef CONFIG_PRIVATE_H
#define CONFIG_PRIVATE_H

#include "core/config-file.h"
#include "core/ini.h"

#include <sys/stat.h>

/* What the keys of [bmc], [defaults] and [credentials] say. */
typedef struct
{
  Connection connection; /* first: the offsets of connection_options hold */
  char *address, *address2;
  char *server; /* the key "host" */
  char *was;
  char *credentials;
  char *password_file, *credential, *bmc_key_file;
  char *labels;
  gboolean enabled;
  char *silence_until;
} BmcSettings;

/* The groups in which a key may stand. */
typedef enum
{
  CONFIG_IN_BMC = 1 << 0,
  CONFIG_IN_DEFAULTS = 1 << 1,
  CONFIG_IN_CREDENTIALS = 1 << 2,
} ConfigGroups;

typedef struct
{
  const ConfigOverrides *overrides; /* never NULL */
  GArray *problems;                 /* config-report.c's */
  GPtrArray *sources;               /* config-file.c's */
  CoreConfig *config;               /* what is being made */
  char *credentials_file;
  BmcSettings *defaults;
  IpmidOption *tables[CONFIG_IN_CREDENTIALS + 1]; /* by group; made once */
  GHashTable *credentials;                        /* name → Credentials of config-bmc.c */
  GHashTable *secret_files;                       /* path → secret, or NULL if it cannot be used */
  GHashTable *places;                             /* "bmc NAME", "at HOST:PORT", "was NAME" → who and where */
  gboolean layers_failed; /* [defaults] or [credentials] were wrong: each BMC would say so again */
  gboolean deletes;       /* a handler deletes records */
} ConfigLoader;

/* ---- config-report.c ---- */

typedef enum
{
  CONFIG_ERROR,
  CONFIG_WARNING,
} ConfigProblem;

/* Line 0: the file as a whole. */
void config_report_problem (ConfigLoader *loader, ConfigProblem problem, const char *file, guint line,
                            const char *format, ...) G_GNUC_PRINTF (5, 6);

/* An array for ConfigLoader.problems that frees its elements. */
GArray *config_report_problems_new (void);

/* In the order of the files' lines; what was found twice stands there once. */
void config_report_fill (ConfigLoader *loader, ConfigReport *report);

/* ---- config-file.c ---- */

/* Where a file stands among those that were read; the number of them if it does not. */
guint config_file_source_index (const ConfigLoader *loader, const char *file);

/* The option of the table that an entry means; if there is none, that is an
 * error with the nearest one. */
const IpmidOption *config_file_find_option (ConfigLoader *loader, const IniGroup *group, const IniEntry *entry,
                                            const IpmidOption *table);

/* There is a secret in this entry: others who may read the file are an error. */
void config_file_note_secret (ConfigLoader *loader, const IniGroup *group, const IniEntry *entry);

/* Sets an option to `value`, which is the entry's, or one of those that it
 * stands for.  A mistake is an error. */
gboolean config_file_set_option (ConfigLoader *loader, const IniGroup *group, const IniEntry *entry,
                                 const IpmidOption *option, const char *value, gpointer state);

/* Sets the options of all entries of a group. */
gboolean config_file_set_group (ConfigLoader *loader, const IniGroup *group, const IpmidOption *table, gpointer state);

/* ---- config-daemon.c ---- */

/* The keys of [daemon]. */
extern const IpmidOption config_daemon_options[];

/* `group` is NULL if there is none. */
void config_daemon_take (ConfigLoader *loader, const IniGroup *group);

/* ---- config-settings.c ---- */

/* The table for one of the groups, over BmcSettings, in the order of the
 * manual; g_free(). */
IpmidOption *config_settings_table (ConfigGroups group);

BmcSettings *config_settings_new (void);
BmcSettings *config_settings_copy (const BmcSettings *settings);
void config_settings_free (BmcSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BmcSettings, config_settings_free)

/* "site=north rack=r1", as in a shell: NULL if it is wrong. */
char **config_settings_parse_labels (const char *text, GError **error);

/* A warning if the silence of this key, wall clock in microseconds, is too long to be
 * one: no error, because the clock may be wrong. */
void config_settings_judge_silence (ConfigLoader *loader, const IniGroup *group, const char *key, gint64 until);

/* ---- config-bmc.c ---- */

void config_bmc_start (ConfigLoader *loader);
void config_bmc_end (ConfigLoader *loader);

void config_bmc_take_defaults (ConfigLoader *loader, const IniGroup *group);
void config_bmc_take_credentials (ConfigLoader *loader, const IniGroup *group, const char *name);

/* What the [credentials] that the group or [defaults] name say, over what
 * [defaults] say. */
gboolean config_bmc_apply_credentials (ConfigLoader *loader, const IniGroup *group, BmcSettings *settings);

/* Adds one BMC, if it is enabled, from its settings, which it completes.  FALSE
 * after an error. */
gboolean config_bmc_make (ConfigLoader *loader, const IniGroup *group, const char *name, BmcSettings *settings);

/* Warnings about a session that others can read or make, and a silence without end. */
void config_bmc_warn (ConfigLoader *loader, const IniGroup *group, const BmcSettings *settings);

/* ---- config-expand.c ---- */

/* All BMCs of one group. */
void config_expand_bmcs (ConfigLoader *loader, const IniGroup *group, const char *names);

/* Takes what may stand once only ("bmc node1", "at 10.1.2.3:623"); if somebody
 * has it already, that is an error which says where.  `thing` is it in words. */
gboolean config_expand_claim (ConfigLoader *loader, const IniGroup *group, const char *key, const char *owner,
                              const char *thing);

/* ---- config-secret.c ---- */

/* The contents of a file of at most `maximum` bytes, followed by a NUL that
 * does not count; to be wiped with config_secret_wipe(). */
gboolean config_secret_read (const char *path, gsize maximum, char **contents, gsize *length, struct stat *status,
                             GError **error);
void config_secret_wipe (char *contents, gsize length);

/* Whether a file with a secret in it belongs to us or to root, and nobody else
 * may read it. */
gboolean config_secret_check_file (const char *path, const struct stat *status, GError **error);

/* Puts the password and K_g that a group names into the connection; leaves
 * alone what it does not name. */
gboolean config_secret_apply (ConfigLoader *loader, const IniGroup *group, BmcSettings *settings);

/* ---- config-handler.c ---- */

void config_handler_take (ConfigLoader *loader, const IniGroup *group, const char *name);

#endif
