/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ini.h - GKeyFile's syntax, with the line of every group and key.
 *
 * GKeyFile itself knows no lines and merges what stands twice; who made a
 * mistake in one of many files wants to know where.  Differences: a group's
 * name may have brackets in it ("[bmc node[01-20]]"), keys have no locales,
 * blanks at the end of a value do not count, and what stands twice is an error.
 * Pure logic, any thread.
 *
 * A value may be a secret: no message quotes one, and all are wiped when freed.
 */
#ifndef INI_H
#define INI_H

#include <glib.h>

/* A longer file is none that a person would maintain. */
#define INI_SIZE_MAX (16u << 20)
#define INI_LINE_MAX (64u << 10)
#define INI_GROUPS_MAX 100000u
#define INI_NAME_MAX 256u /* bytes, of a group or key */

typedef struct
{
  char *key;
  char *value; /* as it stands there, without blanks around it; wiped when freed */
  guint line;  /* from 1 */
} IniEntry;

typedef struct
{
  char *name;
  guint line;
  const char *file;   /* the Ini's */
  GPtrArray *entries; /* IniEntry, no key twice */
} IniGroup;

typedef struct
{
  char *file;
  GPtrArray *groups; /* IniGroup, no name twice */
} Ini;

/* A mistake in line `line` of the text. */
typedef void (*IniMistakeFunc) (guint line, const char *message, gpointer user_data);

/* Reads all of it, whatever is wrong with it: mistakes are left out of the
 * result, and told one by one.  `file` is only a name. */
Ini *ini_parse (const char *file, const char *text, gsize length, IniMistakeFunc on_mistake, gpointer user_data);
void ini_free (Ini *ini);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Ini, ini_free)

/* The entry with this key, or NULL. */
const IniEntry *ini_find (const IniGroup *group, const char *key);

/* A value without GKeyFile's escapes (\s \n \t \r \\); for lists, which have
 * more of them, see options_set().  To be freed with options_free_secret();
 * NULL if an escape is none.  The error does not quote the value. */
char *ini_unescape (const char *value, GError **error);

#endif
