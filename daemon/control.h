/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.h - the socket on which a running ipmid says what it is doing.
 *
 * STATE-DIR/control: whoever may open it connects, reads to the end, and has a
 * text for people.  The server belongs to the thread of the default main
 * context.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <glib.h>
#include <stdio.h>

typedef struct _Control Control;

/* The text for one asker; the caller frees it. */
typedef char *(*ControlTextFunc) (gpointer user_data);

/* `state_dir` exists and is locked by us. */
Control *control_new (const char *state_dir, ControlTextFunc text, gpointer user_data, GError **error);
/* Removes the socket. */
void control_free (Control *control);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Control, control_free)

/* The other side: asks the ipmid of this state directory.  Waits ten seconds
 * at most. */
gboolean control_ask (const char *state_dir, FILE *out, GError **error);

#endif
