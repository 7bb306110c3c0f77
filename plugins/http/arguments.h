/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arguments.h - what a request says, as the core wants it.
 *
 * Names and values come from the path, from the query, and from a body of JSON.
 * What they mean is checked by the core.  Not for several threads at a time.
 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "routes.h"

/* Collects arguments; each name once. */
typedef struct _Arguments Arguments;

Arguments *arguments_new (void);
void arguments_free (Arguments *arguments);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Arguments, arguments_free)

/* What is wrong is an error of IPMID_REQUEST_INVALID, in words for whoever asks. */
gboolean arguments_add_text (Arguments *arguments, const char *name, const char *value, GError **error);

/* One of the query; `value` NULL: the name alone. */
gboolean arguments_add_query (Arguments *arguments, const RouteQuery *query, const char *name, const char *value,
                              GError **error);

/* The members of an object of text, integers, numbers, flags and lists of text. */
gboolean arguments_add_json (Arguments *arguments, const char *body, gsize length, GError **error);

/* An a{sv}, floating. */
GVariant *arguments_end (Arguments *arguments);

#endif
