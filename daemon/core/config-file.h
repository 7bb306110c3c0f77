/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-file.h - the configuration file becomes a CoreConfig.
 *
 * GKeyFile's syntax: [daemon], [defaults], [bmc NAME], [credentials NAME] and
 * [handler NAME], in the main file and in conf.d/NAME.conf beside it.  --check,
 * the start and a reload run the same code.  Main thread: it reads files, and
 * loads plugins to check their options.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "core/core.h"

/* What was found, as lines for people, in the order of the files' lines:
 * "FILE:LINE: what and how to mend it".  No line has a secret in it. */
typedef struct
{
  GPtrArray *errors;   /* char * */
  GPtrArray *warnings; /* char *; the configuration can be used */
} ConfigReport;

ConfigReport *config_report_new (void);
void config_report_free (ConfigReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConfigReport, config_report_free)

/* What the command line said and the files do not overrule; NULL members say
 * nothing. */
typedef struct
{
  const char *state_dir;
  gboolean no_state; /* a journal in memory */
  const char *plugin_dir;
  const char *collector;
  const char *pid_file;
} ConfigOverrides;

/* Reads and checks all of it: passwords are read, handlers are loaded and
 * checked by the code that will run them.  Nothing is left behind but plugins
 * in memory.  `path` is absolute, `overrides` may be NULL.  NULL if there are
 * errors, all of which stand in the report. */
CoreConfig *config_file_load (const char *path, const ConfigOverrides *overrides, ConfigReport *report);

/* The state directory that the file means, for who only asks a running ipmid:
 * reads no password and no plugin.  NULL if the file cannot say. */
char *config_file_state_dir (const char *path, GError **error);

/* Likewise where ipmidctl finds it. */
char *config_file_socket (const char *path, GError **error);

#endif
