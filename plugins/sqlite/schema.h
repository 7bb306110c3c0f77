/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schema.h - the tables of a history, and how an older one becomes one of today.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "sql/sql.h"

/* PRAGMA user_version; grows by one with each step in schema.c. */
#define SCHEMA_VERSION 2

/* PRAGMA application_id: "IPMI". */
#define SCHEMA_APPLICATION 0x49504d49

/* Whether it is one of ours, or empty; `*version` is 0 if it is empty.  Changes
 * nothing.  SQL_ERROR_FILE and words if a newer ipmid, or another program, made
 * it. */
gboolean schema_check (Sql *sql, gint64 *version, GError **error);

/* Forward from `version`, all or nothing. */
gboolean schema_migrate (Sql *sql, gint64 version, GError **error);

/* The steps up to `version` only, for tests of what follows. */
gboolean schema_migrate_to (Sql *sql, gint64 version, gint64 target, GError **error);

#endif
