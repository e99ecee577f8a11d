/* A Modbus server that shares no code with ours: libmodbus, one connection after another.
 *
 *     server PORT
 *     server rtu DEVICE
 *
 * Port 0 takes any free one; the port is printed, then every connection is served until the
 * process is ended. A serial device is served as unit 1 at 115200 8N1 once 0 is printed. Every table holds addresses 96 to 303; what it holds there:
 *
 *     coil i           1 where i is divisible by 3
 *     discrete i       1 where i is divisible by 5
 *     holding i        i * 7
 *     input i          65535 - i
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST = 96, COUNT = 208 };

static modbus_mapping_t *filled(void)
{
    modbus_mapping_t *map = modbus_mapping_new_start_address(
        FIRST, COUNT, FIRST, COUNT, FIRST, COUNT, FIRST, COUNT);
    if (map == NULL)
        return NULL;
    for (int i = 0; i < COUNT; i++) {
        map->tab_bits[i] = (FIRST + i) % 3 == 0;
        map->tab_input_bits[i] = (FIRST + i) % 5 == 0;
        map->tab_registers[i] = (FIRST + i) * 7;
        map->tab_input_registers[i] = 65535 - (FIRST + i);
    }
    return map;
}

static int serve(modbus_t *bus, modbus_mapping_t *map)
{
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        int size = modbus_receive(bus, request);
        if (size < 0 && errno == EMBBADCRC)
            continue;
        if (size < 0)
            return errno == ECONNRESET || errno == 0 ? 0 : -1;
        if (size > 0 && modbus_reply(bus, request, size, map) < 0)
            return -1;
    }
}

static int serve_serial(const char *device)
{
    modbus_t *bus = modbus_new_rtu(device, 115200, 'N', 8, 1);
    modbus_mapping_t *map = filled();
    if (bus == NULL || map == NULL || modbus_set_slave(bus, 1) < 0 || modbus_connect(bus) < 0) {
        fprintf(stderr, "cannot open %s: %s\n", device, modbus_strerror(errno));
        return 1;
    }
    printf("0\n");
    fflush(stdout);
    return serve(bus, map) < 0;
}

int main(int count, char **arguments)
{
    if (count == 3)
        return serve_serial(arguments[2]);
    if (count != 2) {
        fprintf(stderr, "usage: server PORT | server rtu DEVICE\n");
        return 2;
    }
    modbus_t *bus = modbus_new_tcp("127.0.0.1", atoi(arguments[1]));
    modbus_mapping_t *map = filled();
    if (bus == NULL || map == NULL)
        return 1;
    int listening = modbus_tcp_listen(bus, 4);
    struct sockaddr_in bound;
    socklen_t size = sizeof bound;
    if (listening < 0 || getsockname(listening, (struct sockaddr *) &bound, &size) < 0) {
        fprintf(stderr, "cannot listen: %s\n", modbus_strerror(errno));
        return 1;
    }
    printf("%d\n", ntohs(bound.sin_port));
    fflush(stdout);
    for (;;) {
        if (modbus_tcp_accept(bus, &listening) < 0)
            return 1;
        serve(bus, map);
        close(modbus_get_socket(bus));
    }
}
