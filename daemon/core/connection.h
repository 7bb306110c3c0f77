/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connection.h - how to reach one BMC.
 *
 * One option table serves the command line in openipmi_eventd's style and the
 * keys of the configuration file.  The core never interprets these values for
 * OpenIPMI; it resolves the names and hands the collector a typed description.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <ipmid/plugin.h>

/* IPMI 2.0, sections 22.28 (user names), 22.30 and 13.33 (passwords, K_g). */
#define CONNECTION_USER_MAX 16
#define CONNECTION_KEY_MAX 20

typedef enum
{
  CONNECTION_LAN,
  CONNECTION_SMI,
} ConnectionInterface;

typedef enum
{
  CONNECTION_FAMILY_ANY,
  CONNECTION_FAMILY_IPV4,
  CONNECTION_FAMILY_IPV6,
} ConnectionFamily;

/* The cipher suite of RMCP+ (IPMI 2.0, table 22-20). */
typedef enum
{
  CONNECTION_SUITE_DEFAULT, /* what the algorithms say; AUTO where none is given */
  CONNECTION_SUITE_AUTO,    /* the best that the BMC offers: 17, then 3 */
  CONNECTION_SUITE_0,
  CONNECTION_SUITE_1,
  CONNECTION_SUITE_2,
  CONNECTION_SUITE_3,
  CONNECTION_SUITE_15,
  CONNECTION_SUITE_16,
  CONNECTION_SUITE_17,
} ConnectionSuite;

typedef struct
{
  int interface; /* ConnectionInterface */
  gint64 smi_number;
  char *host, *host2; /* names or addresses; host2 is a second way to the same BMC */
  char *port, *port2; /* names or numbers of UDP ports */
  int family;         /* ConnectionFamily */
  char *user;
  char *password; /* secret */
  char *bmc_key;  /* secret: K_g, as text or as connection_bmc_key_from_bytes() has it */
  /* Indices into the choices of the table, which are OpenIPMI's names. */
  int authtype, privilege;
  int auth_algorithm, integrity_algorithm, confidentiality_algorithm;
  gboolean name_only_lookup;
  char **hacks;
  gint64 max_outstanding;
  int cipher_suite;        /* ConnectionSuite */
  gint64 sel_interval;     /* microseconds */
  gint64 sensor_interval;  /* microseconds; 0: sensors are not read */
  char **sensor_intervals; /* "PATTERN=DURATION" each; NULL: none */
} Connection;

/* The table over Connection. */
extern const IpmidOption connection_options[];

/* The words of the key "hacks"; ends with NULL. */
extern const char *const connection_hacks[];

Connection *connection_new (void);
Connection *connection_copy (const Connection *connection);
/* Whether both lead to the same BMC in the same way. */
gboolean connection_equal (const Connection *a, const Connection *b);
void connection_free (Connection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Connection, connection_free)

/* What no single option can know: a host is there, ports exist, texts fit into
 * IPMI's fields.  Everything below wants a connection that passed this. */
gboolean connection_check (const Connection *connection, GError **error);

/* Parses openipmi_eventd's connection parameters ("lan -U root … HOST" or
 * "smi 0") from argv[*index] on, advances *index past them, and blanks secrets
 * in argv itself, so that they leave the process list.  The result is checked. */
Connection *connection_parse_arguments (int argc, char **argv, int *index, GError **error);

/* Whether this is one of lan's own options ("-U", "-Ra"), for hints about the
 * order of arguments. */
gboolean connection_is_lan_option (const char *argument);

/* The settings of FRAME_ADD, as a floating variant.  `addresses` are the
 * resolved, numeric addresses, as many as there are hosts. */
GVariant *connection_to_settings (const Connection *connection, const char *name, const char *const *addresses);

/* K_g as "0x" and forty digits, which can hold any bytes; what is shorter than
 * twenty bytes is filled with zeros, as IPMI does (section 13.33).  A secret. */
char *connection_bmc_key_from_bytes (const guint8 *bytes, gsize length);

/* "lan 10.1.2.3:623", for people; no secret. */
char *connection_describe (const Connection *connection);

/* The privilege to ask the BMC for, in the configuration's word. */
const char *connection_privilege (const Connection *connection);

#endif
