/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connect-words.c - what is said about connections; see connect.h. */
#include "connect.h"

#include "event/error.h"

#include <OpenIPMI/ipmi_auth.h>
#include <OpenIPMI/ipmi_err.h>
#include <OpenIPMI/ipmi_lan.h>
#include <errno.h>
#include <string.h>

char *
connect_where (const ConnectSettings *settings)
{
  if (settings->smi)
    return g_strdup_printf ("/dev/ipmi%u", settings->smi_number);
  if (strchr (settings->addresses[0], ':') != NULL)
    return g_strdup_printf ("[%s]:%s", settings->addresses[0], settings->ports[0]);
  return g_strdup_printf ("%s:%s", settings->addresses[0], settings->ports[0]);
}

/* Status codes of RMCP+ (13.24) that are the BMC's "no" to what was proposed. */
static gboolean
refuses_algorithms (int status)
{
  switch (status)
    {
    case IPMI_RMCPP_INVALID_AUTHENTICATION_ALGORITHM:
    case IPMI_RMCPP_INVALID_INTEGRITY_ALGORITHM:
    case IPMI_RMCPP_NO_MATCHING_AUTHENTICATION_PAYLOAD:
    case IPMI_RMCPP_NO_MATCHING_INTEGRITY_PAYLOAD:
    case IPMI_RMCPP_INVALID_CONFIDENTIALITY_ALGORITHM:
    case IPMI_RMCPP_NO_CIPHER_SUITE_MATCHES:
      return TRUE;
    default:
      return FALSE;
    }
}

/* Likewise, and to whoever asks. */
static const char *
explain_rmcpp (int status, gboolean *refused)
{
  *refused = TRUE;
  switch (status)
    {
    case IPMI_RMCPP_INVALID_ROLE:
    case IPMI_RMCPP_UNAUTHORIZED_ROLE_OR_PRIVILEGE:
      return "the BMC refuses this privilege level to this user";
    case IPMI_RMCPP_UNAUTHORIZED_NAME:
    case IPMI_RMCPP_INVALID_NAME_LENGTH:
      return "wrong user name or password";
    case IPMI_RMCPP_INVALID_INTEGRITY_CHECK_VALUE:
      return "wrong user name, password or BMC key";
    default:
      *refused = refuses_algorithms (status);
      break;
    }
  if (*refused)
    return "the BMC does not accept these cipher algorithms";
  if (status == IPMI_RMCPP_INSUFFICIENT_RESOURCES_FOR_SESSION || status == IPMI_RMCPP_INSUFFICIENT_RESOURCES_FOR_ROLE)
    return "the BMC has no session free";
  return "the BMC broke off the session set-up";
}

/* Completion codes of Get Session Challenge, Activate Session and Set Session
 * Privilege Level (22.16 to 22.18). */
static const char *
explain_completion (int code, gboolean *refused)
{
  *refused = code >= 0x80 && code != 0x81 && code != 0x82 && code != 0x83 && code != IPMI_TIMEOUT_CC
             && code != IPMI_NODE_BUSY_CC && code != IPMI_UNKNOWN_ERR_CC;
  switch (code)
    {
    case 0x81:
    case 0x82:
    case 0x83:
      return "the BMC has no session free";
    case 0x80:
    case 0x84:
    case 0x85:
      return "wrong user name or password";
    case 0x86:
      return "the BMC refuses this privilege level to this user";
    default:
      return *refused ? "the BMC refuses the session" : "no answer";
    }
}

char *
connect_explain (const ConnectSettings *settings, int error, gboolean answered, gboolean *refused)
{
  g_autofree char *where = connect_where (settings);
  const char *words = "no answer";

  *refused = FALSE;
  if (IPMI_IS_RMCPP_ERR (error))
    words = explain_rmcpp (IPMI_GET_RMCPP_ERR (error), refused);
  else if (IPMI_IS_IPMI_ERR (error))
    words = explain_completion (IPMI_GET_IPMI_ERR (error), refused);
  else if (settings->smi)
    words = g_strerror (error);
  else if (error == EINVAL)
    {
      /* What OpenIPMI makes of a key exchange that does not check. */
      *refused = TRUE;
      words = "wrong user name or password";
    }
  else if (error == ENOENT && answered)
    {
      /* OpenIPMI says the same for "no answer at all". */
      *refused = TRUE;
      words = "the BMC does not offer RMCP+";
    }
  else if (error == EBADMSG || error == E2BIG)
    words = "the BMC's answers are malformed";
  else if (error == ENETUNREACH || error == EHOSTUNREACH || error == ENETDOWN || error == EACCES || error == EPERM)
    words = g_strerror (error);
  return g_strdup_printf ("%s (%s)", words, where);
}

static void
set_device_error (guint number, int error_number, GError **error)
{
  switch (error_number)
    {
    /* ENXIO, ENODEV: a node that no driver is behind. */
    case ENOENT:
    case ENXIO:
    case ENODEV:
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE,
                   "there is no /dev/ipmi%u: load the kernel's drivers (modprobe -a ipmi_si ipmi_devintf)", number);
      break;
    /* The control group's. */
    case EPERM:
      g_set_error (
          error, IPMID_ERROR, IPMID_ERROR_FILE,
          "may not open /dev/ipmi%u (%s): the service may not use this device; see DeviceAllow= of smi.conf among "
          "the examples, and start the service again",
          number, g_strerror (error_number));
      break;
    case EACCES:
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE,
                   "may not open /dev/ipmi%u (%s): let the user that ipmid runs as read and write it; for "
                   "ipmid.service, see smi.conf among the examples",
                   number, g_strerror (error_number));
      break;
    default:
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "cannot open /dev/ipmi%u: %s", number,
                   IPMI_IS_OS_ERR (error_number) ? g_strerror (error_number) : "OpenIPMI refuses this number");
      break;
    }
}

void
connect_set_error (const ConnectSettings *settings, int result, GError **error)
{
  g_autofree char *where = NULL;

  if (settings->smi)
    {
      set_device_error (settings->smi_number, result, error);
      return;
    }
  where = connect_where (settings);
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "%s: %s", where,
               IPMI_IS_OS_ERR (result) ? g_strerror (result) : "OpenIPMI refuses these parameters");
}

gboolean
connect_refuses_suite (int error)
{
  return IPMI_IS_RMCPP_ERR (error) && refuses_algorithms (IPMI_GET_RMCPP_ERR (error));
}

char *
connect_weakness (const ConnectSettings *settings)
{
  if (settings->smi)
    return NULL;
  if (settings->suite != NULL && cipher_is_weak (settings->suite))
    return g_strdup_printf ("cipher suite %u was asked for: %s", settings->suite->number,
                            settings->suite->authentication == CIPHER_AUTH_NONE
                                ? "nobody proves who he is, and everybody can read and change what is said"
                            : settings->suite->integrity == CIPHER_INTEGRITY_NONE
                                ? "everybody can read and change what is said"
                                : "everybody can read what is said");
  if (settings->authtype == IPMI_AUTHTYPE_NONE)
    return g_strdup ("the authentication type \"none\" was asked for: a session of IPMI 1.5 without a password");
  if (settings->authtype != IPMI_AUTHTYPE_RMCP_PLUS)
    return g_strdup ("a session of IPMI 1.5 was asked for: its authentication is weak, and it is not encrypted");
  if (settings->suite == NULL && !settings->suite_auto
      && (settings->auth_algorithm == CIPHER_AUTH_NONE || settings->integrity_algorithm == CIPHER_INTEGRITY_NONE
          || settings->confidentiality_algorithm == CIPHER_CONFIDENTIALITY_NONE))
    return g_strdup ("weak algorithms were asked for: not everything is authenticated and encrypted");
  return NULL;
}

gboolean
connect_is_rmcp_plus (const ConnectSettings *settings)
{
  return !settings->smi && settings->authtype == IPMI_AUTHTYPE_RMCP_PLUS;
}
