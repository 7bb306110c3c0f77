/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pool.h - read-only connections for questions.
 *
 * Any thread takes one, asks, and gives it back.  The writer opens and shuts the
 * pool together with the file; shutting interrupts who asks, and waits for them.
 */
#ifndef POOL_H
#define POOL_H

#include "sql/sql.h"

typedef struct _Pool Pool;

Pool *pool_new (void);
/* It is shut. */
void pool_free (Pool *pool);

void pool_open (Pool *pool, const char *path);
void pool_shut (Pool *pool);

/* A connection, for one question and not for longer than that may take; waits for
 * one if many ask at a time.  NULL and an error of ipmid/store.h if the pool is
 * shut, or the file cannot be opened. */
Sql *pool_take (Pool *pool, GError **error);
void pool_give (Pool *pool, Sql *sql);

/* What SQLite says, as an error of ipmid/store.h. */
void pool_set_error (Sql *sql, GError **error);

#endif
