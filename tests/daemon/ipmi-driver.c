/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ipmi-driver.c - a stand-in for the kernel's IPMI driver (ipmi_devintf), which a
 * machine without a BMC has not.  Preloaded into the collector.
 *
 * /dev/ipmi0 is a FIFO there: what OpenIPMI opens, waits for and closes is real,
 * and so is every system call on it.  An ioctl(2) of IPMI's is made as well,
 * so that the sandbox judges it; only the FIFO's "not for me" is replaced by what
 * the driver would do.  Requests go through the FIFO that IPMI_DRIVER_REQUESTS
 * names, answers come through the device: local_bmc.py is at the other ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ipmi.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One message, either way; shorter than PIPE_BUF, so written and read whole.
 * local_bmc.py has the same. */
typedef struct
{
  int64_t id;
  uint32_t kind;  /* IPMI_*_RECV_TYPE */
  uint32_t opens; /* which open(2) asked: whoever comes next gets no answers of his */
  uint32_t addr_len;
  uint8_t addr[sizeof (struct ipmi_addr)];
  uint8_t netfn, cmd;
  uint16_t length;
  uint8_t data[IPMI_MAX_MSG_LENGTH];
} Message;

static int requests = -1;
static uint32_t opens;

/* Before the sandbox is closed. */
__attribute__ ((constructor)) static void
open_requests (void)
{
  const char *path = getenv ("IPMI_DRIVER_REQUESTS");

  if (path != NULL)
    requests = open (path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

static int
fail (int number)
{
  errno = number;
  return -1;
}

static int
send_command (const struct ipmi_req *request)
{
  Message message = { .id = request->msgid,
                      .opens = opens,
                      .addr_len = request->addr_len,
                      .netfn = request->msg.netfn,
                      .cmd = request->msg.cmd };

  if (request->addr_len > sizeof message.addr || request->msg.data_len > sizeof message.data)
    return fail (EINVAL);
  memcpy (message.addr, request->addr, request->addr_len);
  message.length = request->msg.data_len;
  if (message.length > 0)
    memcpy (message.data, request->msg.data, message.length);
  return write (requests, &message, sizeof message) == (ssize_t) sizeof message ? 0 : fail (EBUSY);
}

static int
receive (int fd, struct ipmi_recv *result)
{
  Message message;
  int truncated;

  if (read (fd, &message, sizeof message) != (ssize_t) sizeof message || message.opens != opens)
    return fail (EAGAIN);
  if (message.addr_len > result->addr_len)
    return fail (EINVAL);
  result->recv_type = (int) message.kind;
  result->msgid = message.id;
  result->addr_len = message.addr_len;
  memcpy (result->addr, message.addr, message.addr_len);
  result->msg.netfn = message.netfn;
  result->msg.cmd = message.cmd;
  truncated = message.length > result->msg.data_len;
  if (!truncated)
    result->msg.data_len = message.length;
  memcpy (result->msg.data, message.data, result->msg.data_len);
  return truncated ? fail (EMSGSIZE) : 0;
}

int
open (const char *path, int flags, ...)
{
  va_list arguments;
  mode_t mode;

  va_start (arguments, flags);
  mode = (flags & O_CREAT) != 0 ? va_arg (arguments, mode_t) : 0;
  va_end (arguments);
  opens += strcmp (path, "/dev/ipmi0") == 0;
  return (int) syscall (SYS_openat, AT_FDCWD, path, flags, mode);
}

int
ioctl (int fd, unsigned long request, ...)
{
  va_list arguments;
  void *argument;
  long result;

  va_start (arguments, request);
  argument = va_arg (arguments, void *);
  va_end (arguments);
  result = syscall (SYS_ioctl, fd, request, argument);
  if (result >= 0 || errno != ENOTTY || requests < 0)
    return (int) result;
  switch (request)
    {
    case IPMICTL_SEND_COMMAND:
      return send_command (argument);
    case IPMICTL_RECEIVE_MSG_TRUNC:
      return receive (fd, argument);
    case IPMICTL_SET_GETS_EVENTS_CMD:
    case IPMICTL_SET_MY_ADDRESS_CMD:
    case IPMICTL_SET_MY_CHANNEL_ADDRESS_CMD:
      return 0;
    default:
      return fail (ENOTTY);
    }
}
