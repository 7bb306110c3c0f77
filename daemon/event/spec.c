/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec.c - see spec.h.
 *
 * A table of states is one string: the states in order of their offsets, each
 * ended by '|'.  The first character says how bad the state is when it is
 * asserted: '!' critical, '?' warning, '+' well, '-' neither.  An empty entry
 * is an offset that the specification does not define. */
#include "spec.h"

#include <string.h>

/* Table 42-3, first column. */
static const char sensor_types[] =
  "reserved|Temperature|Voltage|Current|Fan|Physical Security|Platform Security Violation Attempt|Processor|"
  "Power Supply|Power Unit|Cooling Device|Other Units-based Sensor|Memory|Drive Slot|POST Memory Resize|"
  "System Firmware Progress|Event Logging Disabled|Watchdog 1|System Event|Critical Interrupt|Button|"
  "Module / Board|Microcontroller / Coprocessor|Add-in Card|Chassis|Chip Set|Other FRU|Cable / Interconnect|"
  "Terminator|System Boot Initiated|Boot Error|Base OS Boot / Installation Status|OS Stop / Shutdown|"
  "Slot / Connector|System ACPI Power State|Watchdog 2|Platform Alert|Entity Presence|Monitor ASIC / IC|LAN|"
  "Management Subsystem Health|Battery|Session Audit|Version Change|FRU State|";

/* Table 42-2, from event type 02h on. */
static const char *const generic_states[] = {
  "-transition to idle|-transition to active|-transition to busy|",
  "-state deasserted|-state asserted|",
  "+predictive failure deasserted|?predictive failure asserted|",
  "+limit not exceeded|?limit exceeded|",
  "+performance met|?performance lags|",
  "+transition to OK|?transition to non-critical from OK|!transition to critical from less severe|"
  "!transition to non-recoverable from less severe|?transition to non-critical from more severe|"
  "!transition to critical from non-recoverable|!transition to non-recoverable|-monitor|-informational|",
  "-device removed or absent|-device inserted or present|",
  "-device disabled|-device enabled|",
  "+transition to running|-transition to in test|-transition to power off|+transition to on line|"
  "-transition to off line|-transition to off duty|?transition to degraded|-transition to power save|"
  "!install error|",
  "+fully redundant|?redundancy lost|?redundancy degraded|"
  "?non-redundant: sufficient resources from redundant|"
  "?non-redundant: sufficient resources from insufficient resources|!non-redundant: insufficient resources|"
  "?redundancy degraded from fully redundant|?redundancy degraded from non-redundant|",
  "-D0 power state|-D1 power state|-D2 power state|-D3 power state|",
};

/* Table 42-3: sensor-specific states (event type 6Fh), by sensor type. */
static const char *const specific_states[] = {
  [0x05] = "?general chassis intrusion|?drive bay intrusion|?I/O card area intrusion|?processor area intrusion|"
           "?LAN leash lost|?unauthorized dock|?fan area intrusion|",
  [0x06] = "?secure mode violation attempt|?pre-boot password violation: user password|"
           "?pre-boot password violation attempt: setup password|"
           "?pre-boot password violation: network boot password|?other pre-boot password violation|"
           "?out-of-band access password violation|",
  [0x07] = "!IERR|!thermal trip|!FRB1/BIST failure|!FRB2/hang in POST failure|"
           "!FRB3/processor startup or initialization failure|!configuration error|!uncorrectable CPU-complex error|"
           "-processor presence detected|?processor disabled|-terminator presence detected|"
           "?processor automatically throttled|!uncorrectable machine check exception|?correctable machine check error|",
  [0x08] = "+presence detected|!power supply failure detected|?predictive failure|!power supply input lost (AC/DC)|"
           "!power supply input lost or out of range|!power supply input out of range, but present|"
           "!configuration error|-power supply inactive|",
  [0x09] = "-power off or power down|-power cycle|-240VA power down|-interlock power down|?AC lost or power input lost|"
           "!soft power control failure|!power unit failure detected|?predictive failure|",
  [0x0c] = "?correctable ECC or other correctable memory error|!uncorrectable ECC or other uncorrectable memory error|"
           "!parity|!memory scrub failed (stuck bit)|?memory device disabled|"
           "?correctable ECC or other correctable memory error logging limit reached|-presence detected|"
           "!configuration error|-spare|?memory automatically throttled|!critical overtemperature|",
  [0x0d] = "+drive presence|!drive fault|?predictive failure|-hot spare|-consistency check or parity check in progress|"
           "!in critical array|!in failed array|-rebuild or remap in progress|?rebuild or remap aborted|",
  [0x0f] = "!system firmware error (POST error)|!system firmware hang|-system firmware progress|",
  [0x10] = "?correctable memory error logging disabled|?event type logging disabled|-log area reset or cleared|"
           "?all event logging disabled|?SEL full|?SEL almost full|"
           "?correctable machine check error logging disabled|",
  [0x11] = "?BIOS watchdog reset|?OS watchdog reset|?OS watchdog shut down|?OS watchdog power down|"
           "?OS watchdog power cycle|?OS watchdog NMI or diagnostic interrupt|"
           "?OS watchdog expired, status only|?OS watchdog pre-timeout interrupt, non-NMI|",
  [0x12] = "-system reconfigured|-OEM system boot event|!undetermined system hardware failure|"
           "-entry added to auxiliary log|-PEF action|-timestamp clock synchronization|",
  [0x13] = "!front panel NMI or diagnostic interrupt|!bus timeout|!I/O channel check NMI|!software NMI|!PCI PERR|"
           "!PCI SERR|!EISA failsafe timeout|?bus correctable error|!bus uncorrectable error|!fatal NMI|"
           "!bus fatal error|?bus degraded|",
  [0x14] = "-power button pressed|-sleep button pressed|-reset button pressed|-FRU latch open|"
           "-FRU service request button|",
  [0x19] = "!soft power control failure|!thermal trip|",
  [0x1b] = "+cable or interconnect connected|?configuration error: incorrect cable connected|",
  [0x1d] = "-initiated by power up|-initiated by hard reset|-initiated by warm reset|-user requested PXE boot|"
           "-automatic boot to diagnostic|-OS or run-time software initiated hard reset|"
           "-OS or run-time software initiated warm reset|-system restart|",
  [0x1e] = "!no bootable media|?non-bootable diskette left in drive|?PXE server not found|!invalid boot sector|"
           "?timeout waiting for user selection of boot source|",
  [0x1f] = "-A: boot completed|-C: boot completed|-PXE boot completed|-diagnostic boot completed|"
           "-CD-ROM boot completed|-ROM boot completed|-boot completed, boot device not specified|"
           "-base OS or hypervisor installation started|-base OS or hypervisor installation completed|"
           "?base OS or hypervisor installation aborted|!base OS or hypervisor installation failed|",
  [0x20] = "!critical stop during OS load or initialization|!run-time critical stop|-OS graceful stop|"
           "-OS graceful shutdown|-soft shutdown initiated by PEF|?agent not responding|",
  [0x21] = "!fault status asserted|-identify status asserted|-device installed or attached|"
           "-ready for device installation|-ready for device removal|-slot power is off|"
           "-device removal request|?interlock asserted|?slot is disabled|-slot holds spare device|",
  [0x22] = "-S0/G0: working|-S1: sleeping, processor context maintained|-S2: sleeping, processor context lost|"
           "-S3: sleeping, memory retained|-S4: suspend to disk|-S5/G2: soft off|-S4/S5: soft off|-G3: mechanical off|"
           "-sleeping in S1, S2 or S3|-G1: sleeping|-S5: entered by override|-legacy on|-legacy off||-unknown|",
  [0x23] = "?timer expired, status only|!hard reset|!power down|!power cycle|||||?timer interrupt|",
  [0x24] = "-platform generated page|-platform generated LAN alert|-platform event trap generated|"
           "-platform generated SNMP trap|",
  [0x25] = "-entity present|-entity absent|-entity disabled|",
  [0x27] = "?LAN heartbeat lost|+LAN heartbeat|",
  [0x28] = "?sensor access degraded or unavailable|?controller access degraded or unavailable|"
           "?management controller off-line|!management controller unavailable|?sensor failure|?FRU failure|",
  [0x29] = "?battery low|!battery failed|+battery presence detected|",
  [0x2a] = "-session activated|-session deactivated|?invalid user name or password|"
           "?invalid password disable: user account disabled|",
  [0x2b] = "-hardware change detected|-firmware or software change detected|?hardware incompatibility detected|"
           "?firmware or software incompatibility detected|?invalid or unsupported hardware version|"
           "?invalid or unsupported firmware or software version|-hardware change successful|"
           "-firmware or software change successful|",
  [0x2c] = "-FRU not installed|-FRU inactive|-FRU activation requested|-FRU activation in progress|-FRU active|"
           "-FRU deactivation requested|-FRU deactivation in progress|?FRU communication lost|",
};

/* Table 43-13. */
static const char entities[] =
  "unspecified|other|unknown|processor|disk or disk bay|peripheral bay|system management module|system board|"
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
static const char units[] =
  "|°C|°F|K|V|A|W|J|C|VA|nits|lm|lx|cd|kPa|psi|N|CFM|RPM|Hz|µs|ms|s|min|h|d|weeks|mil|in|ft|in³|ft³|mm|cm|m|cm³|m³|"
  "l|fl oz|rad|sr|rev|cycles|g|oz|lb|ft·lb|oz·in|Gs|Gb|H|mH|F|µF|Ω|S|mol|Bq|ppm||dB|dB(A)|dB(C)|Gy|Sv|"
  "K color temperature|bit|kbit|Mbit|Gbit|byte|kB|MB|GB|word|dword|qword|lines|hits|misses|retries|resets|"
  "overruns|underruns|collisions|packets|messages|characters|errors|correctable errors|uncorrectable errors|"
  "fatal errors|grams|";

static const char rates[] = "|/µs|/ms|/s|/min|/h|/d|";

#define EVENT_TYPE_THRESHOLD 0x01u
#define EVENT_TYPE_GENERIC_FIRST 0x02u
#define EVENT_TYPE_SENSOR_SPECIFIC 0x6fu

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

/* Pieces are cut out into interned strings: there are few of them in use. */
static const char *
word (const char *table, guint n)
{
  gsize length;
  const char *start = piece (table, n, &length);
  g_autofree char *copy = length == 0 ? NULL : g_strndup (start, length);

  return copy == NULL ? NULL : g_intern_string (copy);
}

static const char *
states_of (guint8 event_type, guint8 sensor_type)
{
  if (event_type == EVENT_TYPE_SENSOR_SPECIFIC)
    return sensor_type < G_N_ELEMENTS (specific_states) ? specific_states[sensor_type] : NULL;
  if (event_type >= EVENT_TYPE_GENERIC_FIRST && event_type - EVENT_TYPE_GENERIC_FIRST < G_N_ELEMENTS (generic_states))
    return generic_states[event_type - EVENT_TYPE_GENERIC_FIRST];
  return NULL;
}

const char *
spec_sensor_type (guint8 type)
{
  const char *name = type >= 0xc0 ? "OEM" : word (sensor_types, type);

  return name == NULL ? "reserved" : name;
}

const char *
spec_state (guint8 event_type, guint8 sensor_type, guint offset)
{
  const char *states = states_of (event_type, sensor_type);
  const char *state = states == NULL ? NULL : word (states, offset);

  return state == NULL ? NULL : state + 1;
}

/* Offsets of a threshold event (table 42-2, 01h): two for each threshold,
 * going low and going high. */
static IpmidSeverity
threshold_severity (guint offset, gboolean assertion)
{
  guint threshold = offset / 2;
  gboolean high = offset % 2 == 1;
  gboolean upper = threshold >= IPMID_THRESHOLD_UPPER_NON_CRITICAL;

  if (offset >= 12)
    return IPMID_SEVERITY_INFO;
  if (!assertion || upper != high)
    return IPMID_SEVERITY_OK;
  if (threshold == IPMID_THRESHOLD_LOWER_NON_CRITICAL || threshold == IPMID_THRESHOLD_UPPER_NON_CRITICAL)
    return IPMID_SEVERITY_WARNING;
  return IPMID_SEVERITY_CRITICAL;
}

IpmidSeverity
spec_severity (guint8 event_type, guint8 sensor_type, guint offset, gboolean assertion)
{
  const char *states = states_of (event_type, sensor_type);
  gsize length = 0;
  const char *state = states == NULL ? NULL : piece (states, offset, &length);
  char mark = length == 0 ? '-' : *state;

  if (event_type == EVENT_TYPE_THRESHOLD)
    return threshold_severity (offset, assertion);
  if (mark == '-' || (mark == '+' && !assertion))
    return IPMID_SEVERITY_INFO;
  if (mark == '+' || !assertion)
    return IPMID_SEVERITY_OK;
  return mark == '!' ? IPMID_SEVERITY_CRITICAL : IPMID_SEVERITY_WARNING;
}

const char *
spec_threshold (guint threshold)
{
  static const char names[] = "lower non-critical|lower critical|lower non-recoverable|"
                              "upper non-critical|upper critical|upper non-recoverable|";
  const char *name = word (names, threshold);

  return name == NULL ? "unknown threshold" : name;
}

char *
spec_entity (int id, int instance)
{
  const char *name = id >= 0 ? word (entities, (guint) id) : NULL;
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
  const char *base_name = base > 0 ? word (units, (guint) base) : NULL;
  const char *modifier_name = modifier > 0 && modifier_use > 0 ? word (units, (guint) modifier) : NULL;
  const char *rate_name = rate > 0 ? word (rates, (guint) rate) : NULL;

  if (percentage)
    return g_strdup ("%");
  if (base_name == NULL)
    return NULL;
  return g_strconcat (base_name, modifier_name == NULL ? "" : modifier_use == 1 ? "/" : "·",
                      modifier_name == NULL ? "" : modifier_name, rate_name == NULL ? "" : rate_name, NULL);
}
