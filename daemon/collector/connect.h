/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connect.h - connection settings, from the frame to OpenIPMI.
 */
#ifndef CONNECT_H
#define CONNECT_H

#include <OpenIPMI/ipmi_conn.h>
#include <glib.h>

/* What ADD says about a BMC (frame.h), checked. */
typedef struct
{
  char *name;
  gboolean smi;
  guint smi_number;
  char **addresses; /* one or two, numeric */
  char **ports;     /* as many */
  char *user;
  guint8 *password; /* NULL: none */
  gsize password_length;
  guint8 *bmc_key; /* NULL: none */
  gsize bmc_key_length;
  int authtype;
  int privilege;
  int auth_algorithm, integrity_algorithm, confidentiality_algorithm; /* CONNECT_UNSET: OpenIPMI's own choice */
  gboolean name_only_lookup;
  guint hacks;
  guint max_outstanding;
  gint64 sel_interval; /* microseconds */
} ConnectSettings;

#define CONNECT_UNSET (-100)

/* `dict` is an a{sv}; its secrets are wiped in place, as it must not be used
 * after this. */
ConnectSettings *connect_settings_new (GVariant *dict, GError **error);
void connect_settings_free (ConnectSettings *settings); /* wipes the secrets */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConnectSettings, connect_settings_free)

/* A connection that has not been started.  Never blocks: addresses are
 * numeric. */
ipmi_con_t *connect_open (const ConnectSettings *settings, os_handler_t *handler, GError **error);

/* Where the BMC is, in words: "10.1.2.3:623". */
char *connect_where (const ConnectSettings *settings);

/* Words for people for an error that OpenIPMI gave while connecting; *refused
 * says whether the BMC refuses these credentials rather than being away.
 * `answered`: the error came too soon for a timeout. */
char *connect_explain (const ConnectSettings *settings, int error, gboolean answered, gboolean *refused);

#endif
