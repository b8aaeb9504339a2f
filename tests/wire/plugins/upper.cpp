/* SPDX-License-Identifier: MIT
 *
 * Test plugin in C++20: turns lines into capitals. Its per-stream state is an object with a
 * constructor and a destructor, made in `open` and ended in `close`.
 */
#include <cctype>
#include <new>
#include <string>
#include <string_view>

#include <evframe/evframe.h>

/* Slots that a handler leaves out are empty; GCC's -Wextra would have C++ name each of them. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace
{

struct Conversation {
    std::string partial;
    unsigned lines = 0;
};

struct State {
    alignas(Conversation) unsigned char storage[sizeof(Conversation)];
};

Conversation *conversation(evf_stream *stream)
{
    return std::launder(reinterpret_cast<Conversation *>(evf_stream_state(stream)));
}

void on_open(evf_stream *stream)
{
    new (evf_stream_state(stream)) Conversation();
}

std::size_t on_data(evf_stream *stream, evf_slice input)
{
    Conversation *talk = conversation(stream);

    for (char byte : std::string_view(reinterpret_cast<const char *>(input.data), input.len)) {
        talk->partial += static_cast<char>(std::toupper(static_cast<unsigned char>(byte)));
        if (byte != '\n')
            continue;
        std::string answer = std::to_string(++talk->lines) + " " + talk->partial;
        evf_write(stream, answer.data(), answer.size());
        talk->partial.clear();
    }
    return input.len;
}

void on_end(evf_stream *stream)
{
    evf_end(stream);
}

void on_close(evf_stream *stream, int)
{
    conversation(stream)->~Conversation();
}

const evf_handler handler = {
    .struct_size = sizeof(evf_handler),
    .stream_state_size = sizeof(State),
    .open = on_open,
    .data = on_data,
    .end = on_end,
    .close = on_close,
};

} // namespace

extern "C" EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "upper",
    .version = "1.0.0",
    .summary = "capitals, in C++",
    .handler = &handler,
};
