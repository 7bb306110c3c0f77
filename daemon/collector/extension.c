/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* extension.c - see extension.h. */
#include "extension.h"

#include "event/spec.h"
#include "event/states.h"
#include "record.h"

#define ALL 0xffffu
#define ONLY(offset) (1u << (offset))

#define NOT_SAID 0x0fu /* of a severity or an earlier state in event data 2 */
#define EMPTY 0xffu    /* a byte that says nothing, whatever its use */
#define EVENT_TYPE_SEVERITY 0x07u

typedef enum
{
  KIND_WORD,          /* a value has a word */
  KIND_BITS,          /* a bit has one */
  KIND_NUMBER,        /* between two pieces of text */
  KIND_NUMBER_FROM_1, /* 0 says nothing */
} Kind;

/* One field of event data 2 or 3. */
typedef struct
{
  guint8 sensor_type;
  guint16 offsets; /* of the states that it belongs to */
  guint8 place;    /* RECORD_DATA_2 or RECORD_DATA_3 */
  guint8 mask;
  const char *before; /* the number, or the words */
  const char *after;  /* the number */
  const char *words;  /* as in spec_word() */
  Kind kind;
} Extension;

static const char post_errors[] = "|no system memory is physically installed|no usable system memory|"
                                  "unrecoverable hard disk, ATAPI or IDE device failure|"
                                  "unrecoverable system board failure|unrecoverable diskette subsystem failure|"
                                  "unrecoverable hard disk controller failure|"
                                  "unrecoverable PS/2 or USB keyboard failure|removable boot media not found|"
                                  "unrecoverable video controller failure|no video device detected|"
                                  "firmware (BIOS) ROM corruption detected|CPU voltage mismatch|"
                                  "CPU speed matching failure|";

static const char post_progress[]
    = "|memory initialization|hard disk initialization|secondary processor initialization|user authentication|"
      "user-initiated system setup|USB resource configuration|PCI resource configuration|option ROM initialization|"
      "video initialization|cache initialization|SM bus initialization|keyboard controller initialization|"
      "management controller initialization|docking station attachment|enabling docking station|"
      "docking station ejection|disabling docking station|calling operating system wake-up vector|"
      "starting operating system boot process|baseboard initialization||floppy initialization|keyboard test|"
      "pointing device test|primary processor initialization|";

static const char power_states[]
    = "S0/G0|S1|S2|S3|S4|S5/G2|S4/S5|G3|S1, S2 or S3|G1|S5 by override|legacy on|legacy off|";

/* Get System Restart Cause, 28.11. */
static const char restart_causes[] = "|chassis control command|reset by push-button|power up by push-button|"
                                     "watchdog expiration|OEM cause|power restore policy: always on|"
                                     "power restore policy: previous state|reset by PEF|power cycle by PEF|"
                                     "soft reset|power up by real-time clock|";

static const char slot_types[] = "PCI slot|drive array slot|external peripheral connector|docking connector|"
                                 "internal expansion slot|slot of the sensor's entity|AdvancedTCA slot|"
                                 "memory device slot|fan connector|PCI Express slot|SCSI connector|"
                                 "SATA or SAS connector|USB connector|";

static const char version_changes[]
    = "|management controller device id|management controller firmware revision|"
      "management controller device revision|management controller manufacturer id|"
      "management controller IPMI version|management controller auxiliary firmware id|"
      "management controller firmware boot block|other management controller firmware|system firmware (EFI or BIOS)|"
      "SMBIOS|operating system|operating system loader|service or diagnostic partition|management software agent|"
      "management software application|management software middleware|programmable hardware|"
      "board or FRU module|board or FRU component|board or FRU replaced with equivalent version|"
      "board or FRU replaced with newer version|board or FRU replaced with older version|"
      "board or FRU hardware configuration|";

static const char fru_causes[]
    = "normal state change|commanded by external software|handle latch|hot swap push-button|FRU's own action|"
      "communication lost|communication lost by local failure|unexpected extraction|operator intervention|"
      "IPMB address not computable|unexpected deactivation|||||cause unknown|";

static const char fru_states[] = "not installed|inactive|activation requested|activation in progress|active|"
                                 "deactivation requested|deactivation in progress|communication lost|";

/* Table 42-3, its columns for event data 2 and 3. */
static const Extension extensions[] = {
  { 0x05, ONLY (4), RECORD_DATA_2, 0xff, "network controller ", "", NULL, KIND_NUMBER },
  { 0x08, ONLY (6), RECORD_DATA_3, 0x0f, "", "",
    "vendor mismatch|revision mismatch|processor missing|power supply rating mismatch|voltage rating mismatch|",
    KIND_WORD },
  { 0x0c, ALL, RECORD_DATA_3, 0xff, "memory module ", "", NULL, KIND_NUMBER },
  { 0x0f, ONLY (0), RECORD_DATA_2, 0xff, "", "", post_errors, KIND_WORD },
  { 0x0f, ONLY (1) | ONLY (2), RECORD_DATA_2, 0xff, "", "", post_progress, KIND_WORD },
  { 0x10, ONLY (0), RECORD_DATA_2, 0xff, "memory module ", "", NULL, KIND_NUMBER },
  { 0x10, ONLY (1), RECORD_DATA_2, 0xff, "event type ", "", NULL, KIND_NUMBER },
  { 0x10, ONLY (1), RECORD_DATA_3, 0x0f, "offset ", "", NULL, KIND_NUMBER },
  { 0x10, ONLY (1), RECORD_DATA_3, 0x10, "", "", "deassertion|assertion|", KIND_WORD },
  { 0x10, ONLY (1), RECORD_DATA_3, 0x20, "", "", "|for all events of this type|", KIND_WORD },
  { 0x10, ONLY (5), RECORD_DATA_3, 0xff, "", "% full", NULL, KIND_NUMBER },
  { 0x10, ONLY (6), RECORD_DATA_2, 0xff, "processor ", "", NULL, KIND_NUMBER },
  { 0x12, ONLY (3), RECORD_DATA_2, 0xf0, "", "",
    "entry added|entry added that maps to no standard event|entry added beside SEL entries|log cleared|log disabled|"
    "log enabled|",
    KIND_WORD },
  { 0x12, ONLY (3), RECORD_DATA_2, 0x0f, "", "", "MCA log|OEM 1 log|OEM 2 log|", KIND_WORD },
  { 0x12, ONLY (4), RECORD_DATA_2, 0x3f, "", "",
    "alert|power off|reset|power cycle|OEM action|diagnostic interrupt (NMI)|", KIND_BITS },
  { 0x12, ONLY (5), RECORD_DATA_2, 0x80, "", "", "first of a pair|second of a pair|", KIND_WORD },
  { 0x12, ONLY (5), RECORD_DATA_2, 0x0f, "", "", "SEL clock|SDR clock|", KIND_WORD },
  { 0x19, ONLY (0), RECORD_DATA_2, 0xff, "requested state: ", "", power_states, KIND_WORD },
  { 0x19, ONLY (0), RECORD_DATA_3, 0xff, "state at that time: ", "", power_states, KIND_WORD },
  { 0x1d, ONLY (7), RECORD_DATA_2, 0x0f, "", "", restart_causes, KIND_WORD },
  { 0x1d, ONLY (7), RECORD_DATA_3, 0xff, "by channel ", "", NULL, KIND_NUMBER },
  { 0x21, ALL, RECORD_DATA_2, 0x7f, "", "", slot_types, KIND_WORD },
  { 0x21, ALL, RECORD_DATA_3, 0xff, "number ", "", NULL, KIND_NUMBER },
  { 0x23, ALL, RECORD_DATA_2, 0xf0, "interrupt: ", "", "none|SMI|NMI|messaging|", KIND_WORD },
  { 0x23, ALL, RECORD_DATA_2, 0x0f, "timer use: ", "", "|BIOS FRB2|BIOS/POST|OS load|SMS/OS|OEM|", KIND_WORD },
  { 0x28, ONLY (0) | ONLY (4), RECORD_DATA_2, 0xff, "sensor number ", "", NULL, KIND_NUMBER },
  { 0x28, ONLY (5), RECORD_DATA_2, 0x80, "", "", "no logical FRU device|logical FRU device|", KIND_WORD },
  { 0x28, ONLY (5), RECORD_DATA_3, 0xff, "FRU device ", "", NULL, KIND_NUMBER },
  { 0x2a, ONLY (0) | ONLY (1) | ONLY (3), RECORD_DATA_2, 0x3f, "user ", "", NULL, KIND_NUMBER_FROM_1 },
  { 0x2a, ONLY (1), RECORD_DATA_3, 0x30, "", "", "|by Close Session|by timeout|by configuration change|", KIND_WORD },
  { 0x2a, ALL, RECORD_DATA_3, 0x0f, "channel ", "", NULL, KIND_NUMBER },
  { 0x2b, ALL, RECORD_DATA_2, 0xff, "", "", version_changes, KIND_WORD },
  { 0x2c, ALL, RECORD_DATA_2, 0xf0, "", "", fru_causes, KIND_WORD },
  { 0x2c, ALL, RECORD_DATA_2, 0x0f, "before: ", "", fru_states, KIND_WORD },
};

ExtensionUse
extension_use_2 (const guint8 *record)
{
  return record[RECORD_DATA_1] >> 6;
}

ExtensionUse
extension_use_3 (const guint8 *record)
{
  return (record[RECORD_DATA_1] >> 4) & 3;
}

gboolean
extension_is_oem (const guint8 *record)
{
  return extension_use_2 (record) == EXTENSION_OEM || extension_use_3 (record) == EXTENSION_OEM;
}

const char *
extension_slot_type (guint8 data_2)
{
  return spec_word (slot_types, data_2 & 0x7f);
}

static void
append_words (GString *out, const Extension *extension, guint value)
{
  const char *word = spec_word (extension->words, value);

  if (word != NULL)
    g_string_append_printf (out, ", %s%s", extension->before, word);
}

static void
append_field (GString *out, const Extension *extension, guint8 byte)
{
  guint value = (guint) (byte & extension->mask) >> g_bit_nth_lsf (extension->mask, -1);

  switch (extension->kind)
    {
    case KIND_WORD:
      append_words (out, extension, value);
      break;
    case KIND_BITS:
      for (guint bit = 0; bit < 8; bit++)
        if ((value & (1u << bit)) != 0)
          append_words (out, extension, bit);
      break;
    case KIND_NUMBER_FROM_1:
      if (value == 0)
        break;
      G_GNUC_FALLTHROUGH;
    case KIND_NUMBER:
      g_string_append_printf (out, ", %s%u%s", extension->before, value, extension->after);
    }
}

static void
append_specific (GString *out, const guint8 *record, guint place)
{
  guint offset = record[RECORD_DATA_1] & 0x0f;

  if ((record[RECORD_EVENT_TYPE] & 0x7f) != EVENT_TYPE_SENSOR_SPECIFIC || record[place] == EMPTY)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (extensions); i++)
    if (extensions[i].sensor_type == record[RECORD_SENSOR_TYPE] && extensions[i].place == place
        && (extensions[i].offsets & ONLY (offset)) != 0)
      append_field (out, &extensions[i], record[place]);
}

/* The severity that the BMC gives the event, and the state before it. */
static void
append_state (GString *out, const guint8 *record)
{
  guint8 type = record[RECORD_EVENT_TYPE] & 0x7f;
  const char *severity = spec_state (EVENT_TYPE_SEVERITY, 0, record[RECORD_DATA_2] >> 4);
  const char *before = spec_state (type, record[RECORD_SENSOR_TYPE], record[RECORD_DATA_2] & NOT_SAID);

  if (severity != NULL && type != EVENT_TYPE_SEVERITY)
    g_string_append_printf (out, ", severity: %s", severity);
  if (before != NULL && (record[RECORD_DATA_2] & NOT_SAID) != NOT_SAID)
    g_string_append_printf (out, ", before: %s", before);
}

static void
append_oem (GString *out, const guint8 *record)
{
  gboolean second = extension_use_2 (record) == EXTENSION_OEM && record[RECORD_DATA_2] != EMPTY;
  gboolean third = extension_use_3 (record) == EXTENSION_OEM && record[RECORD_DATA_3] != EMPTY;

  if (second)
    g_string_append_printf (out, ", OEM data 2: 0x%02x", record[RECORD_DATA_2]);
  if (third)
    g_string_append_printf (out, ", OEM data 3: 0x%02x", record[RECORD_DATA_3]);
}

void
extension_append (GString *out, const guint8 *record)
{
  if (extension_use_2 (record) == EXTENSION_STATE)
    append_state (out, record);
  else if (extension_use_2 (record) == EXTENSION_SPECIFIC)
    append_specific (out, record, RECORD_DATA_2);
  if (extension_use_3 (record) == EXTENSION_SPECIFIC)
    append_specific (out, record, RECORD_DATA_3);
  append_oem (out, record);
}
