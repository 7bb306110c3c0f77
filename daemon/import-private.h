/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import-private.h - what import.c and import-json.c share, and what is tested. */
#ifndef IMPORT_PRIVATE_H
#define IMPORT_PRIVATE_H

#include <glib.h>

/* One server of the list; members may be NULL. */
typedef struct
{
  guint line; /* from 1; 0: not known */
  char *name, *address, *host, *notes;
  char *user, *password;
  gboolean enabled;
  gboolean nvidia; /* has IPMI Monitor's other password, which is not in the list */
} ImportServer;

typedef struct
{
  GPtrArray *servers; /* ImportServer */
  GPtrArray *remarks; /* char *: "line 3: …" */
} ImportList;

ImportList *import_list_new (void);
void import_list_free (ImportList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ImportList, import_list_free)

void import_server_free (gpointer server);

/* A new server, in the list. */
ImportServer *import_list_add (ImportList *list, guint line);

/* Something that was not understood; it quotes no password. */
void import_list_remark (ImportList *list, guint line, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* What a key of IPMI Monitor says about a server.  FALSE if it has no meaning
 * here; a value that makes no sense is a remark. */
gboolean import_server_set (ImportList *list, ImportServer *server, guint line, const char *key, const char *value);

/* Reads a list of any format; never fails, but may have much to remark. */
ImportList *import_parse (const char *text, gsize length);

void import_parse_json (ImportList *list, const char *text, gsize length);

/* The configuration, and the file that it names as credentials_file; that is
 * NULL if there are no secrets.  Servers that cannot be used are left out, with
 * a remark. */
char *import_render (ImportList *list, const char *source, const char *credentials_file, char **credentials);

#endif
