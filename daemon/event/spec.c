/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec.c - see spec.h.
 *
 * A table is one string: its words in order of their codes, each ended by '|'.
 * An empty one is a code that the specification does not define. */
#include "spec.h"

#include "severity.h"
#include "states.h"

#include <string.h>

/* Table 42-3, first column. */
static const char sensor_types[]
    = "reserved|Temperature|Voltage|Current|Fan|Physical Security|Platform Security Violation Attempt|Processor|"
      "Power Supply|Power Unit|Cooling Device|Other Units-based Sensor|Memory|Drive Slot|POST Memory Resize|"
      "System Firmware Progress|Event Logging Disabled|Watchdog 1|System Event|Critical Interrupt|Button / Switch|"
      "Module / Board|Microcontroller / Coprocessor|Add-in Card|Chassis|Chip Set|Other FRU|Cable / Interconnect|"
      "Terminator|System Boot Initiated|Boot Error|Base OS Boot / Installation Status|OS Stop / Shutdown|"
      "Slot / Connector|System ACPI Power State|Watchdog 2|Platform Alert|Entity Presence|Monitor ASIC / IC|LAN|"
      "Management Subsystem Health|Battery|Session Audit|Version Change|FRU State|";

/* Table 43-13. */
static const char entities[]
    = "unspecified|other|unknown|processor|disk or disk bay|peripheral bay|system management module|system board|"
      "memory module|processor module|power supply|add-in card|front panel board|back panel board|power system board|"
      "drive backplane|system internal expansion board|other system board|processor board|power unit|power module|"
      "power management board|chassis back panel board|system chassis|sub-chassis|other chassis board|"
      "disk drive bay|peripheral bay|device bay|fan|cooling unit|cable or interconnect|memory device|"
      "system management software|system firmware|operating system|system bus|group|"
      "remote management communication device|external environment|battery|processing blade|connectivity switch|"
      "processor or memory module|I/O module|processor or I/O module|management controller firmware|IPMI channel|"
      "PCI bus|PCI Express bus|SCSI bus|SATA or SAS bus|processor front-side bus|real-time clock||"
      "air inlet|||||||||air inlet|processor|baseboard|";

/* Table 43-15. */
static const char units[]
    = "|°C|°F|K|V|A|W|J|C|VA|nits|lm|lx|cd|kPa|psi|N|CFM|RPM|Hz|µs|ms|s|min|h|d|weeks|mil|in|ft|in³|ft³|mm|cm|m|cm³|m³|"
      "l|fl oz|rad|sr|rev|cycles|g|oz|lb|ft·lb|oz·in|Gs|Gb|H|mH|F|µF|Ω|S|mol|Bq|ppm||dB|dB(A)|dB(C)|Gy|Sv|"
      "K color temperature|bit|kbit|Mbit|Gbit|byte|kB|MB|GB|word|dword|qword|lines|hits|misses|retries|resets|"
      "overruns|underruns|collisions|packets|messages|characters|errors|correctable errors|uncorrectable errors|"
      "fatal errors|grams|";

static const char rates[] = "|/µs|/ms|/s|/min|/h|/d|";

/* The n-th piece of a table; *length is 0 if it is empty or beyond the end. */
static const char *
piece (const char *table, guint n, gsize *length)
{
  const char *end;

  *length = 0;
  while ((end = strchr (table, '|')) != NULL && n-- > 0)
    table = end + 1;
  if (end != NULL)
    *length = (gsize) (end - table);
  return table;
}

/* Words are cut out into interned strings: there are few of them in use. */
const char *
spec_word (const char *table, guint n)
{
  gsize length;
  const char *start = piece (table, n, &length);
  g_autofree char *copy = length == 0 ? NULL : g_strndup (start, length);

  return copy == NULL ? NULL : g_intern_string (copy);
}

const char *
spec_sensor_type (guint8 type)
{
  const char *name = type >= 0xc0 ? "OEM" : spec_word (sensor_types, type);

  return name == NULL ? "reserved" : name;
}

const char *
spec_state (guint8 event_type, guint8 sensor_type, guint offset)
{
  const State *state = states_find (event_type, sensor_type, offset);

  return state == NULL ? NULL : state->words;
}

IpmidSeverity
spec_severity (guint8 event_type, guint8 sensor_type, guint offset, gboolean assertion)
{
  if (event_type == EVENT_TYPE_THRESHOLD)
    return severity_of_threshold (offset, assertion);
  return severity_of_state (event_type, sensor_type, offset, assertion);
}

const char *
spec_threshold (guint threshold)
{
  static const char names[] = "lower non-critical|lower critical|lower non-recoverable|"
                              "upper non-critical|upper critical|upper non-recoverable|";
  const char *name = spec_word (names, threshold);

  return name == NULL ? "unknown threshold" : name;
}

char *
spec_entity (int id, int instance)
{
  const char *name = id >= 0 ? spec_word (entities, (guint) id) : NULL;
  /* From 60h on, instances count within one controller. */
  int number = instance >= 0x60 ? instance - 0x60 : instance;

  if (name != NULL)
    return g_strdup_printf ("%s %d", name, number);
  return g_strdup_printf ("entity 0x%02x %d", (guint) id & 0xff, number);
}

const char *
spec_software (guint8 generator)
{
  guint id = generator >> 1;

  if (id <= 0x0f)
    return "BIOS";
  if (id <= 0x1f)
    return "SMI handler";
  if (id <= 0x2f)
    return "system management software";
  if (id <= 0x3f)
    return "OEM software";
  if (id <= 0x46)
    return "remote console software";
  return "terminal mode remote console software";
}

char *
spec_unit (gboolean percentage, int base, int modifier_use, int modifier, int rate)
{
  const char *base_name = base > 0 ? spec_word (units, (guint) base) : NULL;
  const char *modifier_name = modifier > 0 && modifier_use > 0 ? spec_word (units, (guint) modifier) : NULL;
  const char *rate_name = rate > 0 ? spec_word (rates, (guint) rate) : NULL;

  if (percentage)
    return g_strdup ("%");
  if (base_name == NULL)
    return NULL;
  return g_strconcat (base_name,
                      modifier_name == NULL ? ""
                      : modifier_use == 1   ? "/"
                                            : "·",
                      modifier_name == NULL ? "" : modifier_name, rate_name == NULL ? "" : rate_name, NULL);
}
