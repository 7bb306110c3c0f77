/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guard.c - see guard.h. */
#include "guard.h"

#define GET_SENSOR_READING 0x2d

typedef struct
{
  guint8 netfn;
  guint8 command;
  guint8 minimum; /* both with the completion code */
  guint8 maximum;
} Entry;

/* IPMI 2.0, sections 20 to 35; PICMG 3.0, section 3. */
static const Entry entries[] = {
  { GUARD_NETFN_CHASSIS, 0x00, 6, 7 },    /* Get Chassis Capabilities */
  { GUARD_NETFN_CHASSIS, 0x01, 4, 5 },    /* Get Chassis Status */
  { GUARD_NETFN_CHASSIS, 0x02, 1, 1 },    /* Chassis Control */
  { GUARD_NETFN_CHASSIS, 0x04, 1, 1 },    /* Chassis Identify */
  { GUARD_NETFN_CHASSIS, 0x07, 3, 3 },    /* Get System Restart Cause */
  { GUARD_NETFN_CHASSIS, 0x0f, 6, 6 },    /* Get POH Counter */
  { GUARD_NETFN_SENSOR, 0x00, 1, 1 },     /* Set Event Receiver */
  { GUARD_NETFN_SENSOR, 0x01, 3, 3 },     /* Get Event Receiver */
  { GUARD_NETFN_SENSOR, 0x02, 1, 1 },     /* Platform Event */
  { GUARD_NETFN_SENSOR, 0x10, 4, 4 },     /* Get PEF Capabilities */
  { GUARD_NETFN_SENSOR, 0x15, 11, 11 },   /* Get Last Processed Event ID */
  { GUARD_NETFN_SENSOR, 0x20, 3, 7 },     /* Get Device SDR Info */
  { GUARD_NETFN_SENSOR, 0x22, 3, 3 },     /* Reserve Device SDR Repository */
  { GUARD_NETFN_SENSOR, 0x23, 8, 8 },     /* Get Sensor Reading Factors */
  { GUARD_NETFN_SENSOR, 0x24, 1, 1 },     /* Set Sensor Hysteresis */
  { GUARD_NETFN_SENSOR, 0x25, 3, 3 },     /* Get Sensor Hysteresis */
  { GUARD_NETFN_SENSOR, 0x26, 1, 1 },     /* Set Sensor Thresholds */
  { GUARD_NETFN_SENSOR, 0x27, 8, 8 },     /* Get Sensor Thresholds */
  { GUARD_NETFN_SENSOR, 0x28, 1, 1 },     /* Set Sensor Event Enable */
  { GUARD_NETFN_SENSOR, 0x29, 2, 6 },     /* Get Sensor Event Enable */
  { GUARD_NETFN_SENSOR, 0x2a, 1, 1 },     /* Re-arm Sensor Events */
  { GUARD_NETFN_SENSOR, 0x2b, 2, 6 },     /* Get Sensor Event Status */
  { GUARD_NETFN_SENSOR, 0x2d, 3, 5 },     /* Get Sensor Reading */
  { GUARD_NETFN_SENSOR, 0x2e, 1, 1 },     /* Set Sensor Type */
  { GUARD_NETFN_SENSOR, 0x2f, 3, 3 },     /* Get Sensor Type */
  { GUARD_NETFN_APP, 0x01, 12, 16 },      /* Get Device ID */
  { GUARD_NETFN_APP, 0x02, 1, 1 },        /* Cold Reset */
  { GUARD_NETFN_APP, 0x03, 1, 1 },        /* Warm Reset */
  { GUARD_NETFN_APP, 0x04, 3, 3 },        /* Get Self Test Results */
  { GUARD_NETFN_APP, 0x07, 3, 3 },        /* Get ACPI Power State */
  { GUARD_NETFN_APP, 0x08, 17, 17 },      /* Get Device GUID */
  { GUARD_NETFN_APP, 0x24, 1, 1 },        /* Set Watchdog Timer */
  { GUARD_NETFN_APP, 0x25, 9, 9 },        /* Get Watchdog Timer */
  { GUARD_NETFN_APP, 0x2e, 1, 1 },        /* Set BMC Global Enables */
  { GUARD_NETFN_APP, 0x2f, 2, 2 },        /* Get BMC Global Enables */
  { GUARD_NETFN_APP, 0x30, 1, 1 },        /* Clear Message Flags */
  { GUARD_NETFN_APP, 0x31, 2, 2 },        /* Get Message Flags */
  { GUARD_NETFN_APP, 0x32, 1, 1 },        /* Enable Message Channel Receive */
  { GUARD_NETFN_APP, 0x35, 17, 17 },      /* Read Event Message Buffer */
  { GUARD_NETFN_APP, 0x37, 17, 17 },      /* Get System GUID */
  { GUARD_NETFN_APP, 0x38, 9, 9 },        /* Get Channel Authentication Capabilities */
  { GUARD_NETFN_APP, 0x39, 21, 21 },      /* Get Session Challenge */
  { GUARD_NETFN_APP, 0x3a, 11, 11 },      /* Activate Session */
  { GUARD_NETFN_APP, 0x3b, 2, 2 },        /* Set Session Privilege Level */
  { GUARD_NETFN_APP, 0x3c, 1, 1 },        /* Close Session */
  { GUARD_NETFN_APP, 0x3d, 4, 19 },       /* Get Session Info */
  { GUARD_NETFN_APP, 0x40, 1, 1 },        /* Set Channel Access */
  { GUARD_NETFN_APP, 0x41, 3, 3 },        /* Get Channel Access */
  { GUARD_NETFN_APP, 0x42, 10, 10 },      /* Get Channel Info */
  { GUARD_NETFN_APP, 0x44, 5, 5 },        /* Get User Access */
  { GUARD_NETFN_APP, 0x46, 17, 17 },      /* Get User Name */
  { GUARD_NETFN_APP, 0x4e, 9, 9 },        /* Get Channel Payload Support */
  { GUARD_NETFN_APP, 0x54, 2, 18 },       /* Get Channel Cipher Suites */
  { GUARD_NETFN_STORAGE, 0x10, 4, 4 },    /* Get FRU Inventory Area Info */
  { GUARD_NETFN_STORAGE, 0x12, 2, 2 },    /* Write FRU Data */
  { GUARD_NETFN_STORAGE, 0x20, 15, 15 },  /* Get SDR Repository Info */
  { GUARD_NETFN_STORAGE, 0x21, 10, 10 },  /* Get SDR Repository Allocation Info */
  { GUARD_NETFN_STORAGE, 0x22, 3, 3 },    /* Reserve SDR Repository */
  { GUARD_NETFN_STORAGE, 0x28, 5, 5 },    /* Get SDR Repository Time */
  { GUARD_NETFN_STORAGE, 0x40, 15, 15 },  /* Get SEL Info */
  { GUARD_NETFN_STORAGE, 0x41, 10, 10 },  /* Get SEL Allocation Info */
  { GUARD_NETFN_STORAGE, 0x42, 3, 3 },    /* Reserve SEL */
  { GUARD_NETFN_STORAGE, 0x44, 3, 3 },    /* Add SEL Entry */
  { GUARD_NETFN_STORAGE, 0x45, 3, 3 },    /* Partial Add SEL Entry */
  { GUARD_NETFN_STORAGE, 0x46, 3, 3 },    /* Delete SEL Entry */
  { GUARD_NETFN_STORAGE, 0x47, 2, 2 },    /* Clear SEL */
  { GUARD_NETFN_STORAGE, 0x48, 5, 5 },    /* Get SEL Time */
  { GUARD_NETFN_STORAGE, 0x49, 1, 1 },    /* Set SEL Time */
  { GUARD_NETFN_STORAGE, 0x5c, 3, 3 },    /* Get SEL Time UTC Offset */
  { GUARD_NETFN_TRANSPORT, 0x01, 1, 1 },  /* Set LAN Configuration Parameters */
  { GUARD_NETFN_TRANSPORT, 0x02, 2, 36 }, /* Get LAN Configuration Parameters */
  { GUARD_NETFN_GROUP, 0x00, 5, 5 },      /* PICMG: Get PICMG Properties */
  { GUARD_NETFN_GROUP, 0x01, 4, 10 },     /* PICMG: Get Address Info */
};

/* Get SDR and Get Device SDR (33.12, 35.3): next id, then as many bytes as
 * were asked for. */
static gboolean
expect_sdr (const guint8 *request, gsize request_length, gsize *minimum, gsize *maximum)
{
  gsize count = request_length == 6 ? request[5] : 0;

  *minimum = 3 + (count == 0xff ? 0 : count);
  *maximum = 3 + count;
  return TRUE;
}

/* Get SEL Entry (31.5): next id, then the part of the record asked for. */
static gboolean
expect_sel_entry (const guint8 *request, gsize request_length, gsize *minimum, gsize *maximum)
{
  gsize offset = request_length == 6 ? request[4] : 0;
  gsize count = request_length == 6 ? request[5] : 0;

  if (count == 0xff)
    count = offset < 16 ? 16 - offset : 0;
  *minimum = *maximum = 3 + count;
  return TRUE;
}

/* Read FRU Data (34.2): how many, then at most as many as were asked for. */
static gboolean
expect_fru (const guint8 *request, gsize request_length, gsize *minimum, gsize *maximum)
{
  *minimum = 2;
  *maximum = 2 + (request_length == 4 ? request[3] : 0);
  return TRUE;
}

/* DCMI (1.5, 6.1.1 and 6.6.1) shares its network function with PICMG.  What is
 * not known here has any length. */
static gboolean
expect_dcmi (guint8 command, gsize *minimum, gsize *maximum)
{
  if (command == 0x01)
    {
      *minimum = 6;
      *maximum = 32;
    }
  else if (command == 0x02)
    *minimum = *maximum = 19;
  else
    return FALSE;
  return TRUE;
}

gboolean
guard_expected (guint8 netfn, guint8 command, const guint8 *request, gsize request_length, gsize *minimum,
                gsize *maximum)
{
  if ((netfn == GUARD_NETFN_STORAGE && command == 0x23) || (netfn == GUARD_NETFN_SENSOR && command == 0x21))
    return expect_sdr (request, request_length, minimum, maximum);
  if (netfn == GUARD_NETFN_STORAGE && command == 0x43)
    return expect_sel_entry (request, request_length, minimum, maximum);
  if (netfn == GUARD_NETFN_STORAGE && command == 0x11)
    return expect_fru (request, request_length, minimum, maximum);
  if (netfn == GUARD_NETFN_GROUP && request_length > 0 && request[0] == GUARD_GROUP_DCMI)
    return expect_dcmi (command, minimum, maximum);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    if (entries[i].netfn == netfn && entries[i].command == command)
      {
        *minimum = entries[i].minimum;
        *maximum = entries[i].maximum;
        return TRUE;
      }
  return FALSE;
}

/* Read FRU Data says itself how many bytes follow. */
static gboolean
fru_count_is_good (guint8 netfn, guint8 command, const guint8 *reply, gsize reply_length)
{
  return netfn != GUARD_NETFN_STORAGE || command != 0x11 || reply[1] == reply_length - 2;
}

gboolean
guard_reply_fits (guint8 netfn, guint8 command, const guint8 *request, gsize request_length, const guint8 *reply,
                  gsize reply_length)
{
  gsize minimum, maximum;

  if (reply_length == 0)
    return FALSE;
  if (reply[0] != 0 || !guard_expected (netfn, command, request, request_length, &minimum, &maximum))
    return TRUE;
  return reply_length >= minimum && reply_length <= maximum && fru_count_is_good (netfn, command, reply, reply_length);
}

gboolean
guard_is_repeatable (guint8 netfn, guint8 command)
{
  switch (netfn)
    {
    case GUARD_NETFN_APP:
      return command == 0x01 || command == 0x37 || command == 0x42;
    case GUARD_NETFN_SENSOR:
      /* Not Get Sensor Reading: a reading that is late is worth nothing. */
      return (command >= 0x20 && command <= 0x23)
             || (command >= 0x25 && command <= 0x2f && (command & 1) != 0 && command != GET_SENSOR_READING);
    case GUARD_NETFN_STORAGE:
      return (command >= 0x20 && command <= 0x23) || command == 0x40 || command == 0x43;
    default:
      return FALSE;
    }
}

gboolean
guard_table_entry (guint i, guint8 *netfn, guint8 *command, gsize *minimum, gsize *maximum)
{
  if (i >= G_N_ELEMENTS (entries))
    return FALSE;
  *netfn = entries[i].netfn;
  *command = entries[i].command;
  *minimum = entries[i].minimum;
  *maximum = entries[i].maximum;
  return TRUE;
}
