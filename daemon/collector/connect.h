/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connect.h - connection settings, from the frame to OpenIPMI.
 */
#ifndef CONNECT_H
#define CONNECT_H

#include "cipher.h"
#include "inbox.h"

#include <OpenIPMI/ipmi_conn.h>
#include <glib.h>

/* How often to read the sensors of a name. */
typedef struct
{
  char *pattern;   /* event/pattern.h */
  gint64 interval; /* microseconds; 0: they are not read */
} ConnectInterval;

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
  gboolean suite_auto;                                                /* the best suite that the BMC offers */
  const CipherSuite *suite; /* NULL: what suite_auto finds, else the algorithms above */
  gboolean name_only_lookup;
  guint hacks;
  guint max_outstanding;
  gint64 sel_interval;               /* microseconds */
  gint64 sensor_interval;            /* microseconds; 0: sensors are not read */
  ConnectInterval *sensor_intervals; /* the first whose pattern matches counts */
  guint n_sensor_intervals;
  char *sdr_cache_key;
  GBytes *sdr_cache; /* as sdr-blob.h has it; NULL: none */
} ConnectSettings;

#define CONNECT_UNSET (-100)

/* `dict` is an a{sv}; its secrets are wiped in place, as it must not be used
 * after this. */
ConnectSettings *connect_settings_new (GVariant *dict, GError **error);
void connect_settings_free (ConnectSettings *settings); /* wipes the secrets */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConnectSettings, connect_settings_free)

/* How often a sensor of this name is read; 0: never. */
gint64 connect_sensor_interval (const ConnectSettings *settings, const char *name);

/* A connection that has not been started.  Never blocks: addresses are
 * numeric.  `suite` NULL: by the algorithms of the settings.  The error is
 * IPMID_ERROR_FILE for a device that is there but may not be opened. */
ipmi_con_t *connect_open (const ConnectSettings *settings, const CipherSuite *suite, os_handler_t *handler,
                          GError **error);

/* What such a connection's session must be like. */
void connect_demand (const ConnectSettings *settings, const CipherSuite *suite, InboxDemand *result);

/* The i-th address of a LAN connection; FALSE beyond the last. */
gboolean connect_address (const ConnectSettings *settings, guint i, struct sockaddr_storage *address,
                          socklen_t *length);

/* ------------------------------------------------------- connect-words.c */

/* Where the BMC is, in words: "10.1.2.3:623". */
char *connect_where (const ConnectSettings *settings);

/* Words for people for an error that OpenIPMI gave while connecting; *refused
 * says whether the BMC refuses these credentials rather than being away.
 * `answered`: the error came too soon for a timeout. */
char *connect_explain (const ConnectSettings *settings, int error, gboolean answered, gboolean *refused);

/* Sets the error for a connection that could not even be set up: for smi, that
 * is the device that cannot be opened. */
void connect_set_error (const ConnectSettings *settings, int result, GError **error);

/* Whether an error of OpenIPMI's means that the BMC does not take the cipher
 * suite; it says nothing about the credentials. */
gboolean connect_refuses_suite (int error);

/* Whether nothing but RMCP+ is spoken. */
gboolean connect_is_rmcp_plus (const ConnectSettings *settings);

/* What is weak about the session that the user asked for, in words for a
 * warning; NULL: nothing. */
char *connect_weakness (const ConnectSettings *settings);

#endif
