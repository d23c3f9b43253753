// The header in C++11, used as a program would.
#include "chinwag.h"

#include <memory>

static_assert(sizeof(chinwag_status) == 4, "the width is fixed");

namespace {

struct Free {
    void operator()(chinwag_config *config) const { chinwag_config_free(config); }
    void operator()(chinwag_error *error) const { chinwag_error_free(error); }
    void operator()(chinwag_node *node) const { chinwag_node_free(node); }
};

extern "C" void on_event(const chinwag_event *event, void *user_data) {
    if (chinwag_event_type(event) == CHINWAG_EVENT_MEMBER_FAILED) {
        *static_cast<bool *>(user_data) = true;
    }
}

}  // namespace

int main() {
    bool failed = false;
    std::unique_ptr<chinwag_config, Free> config(chinwag_config_new());
    chinwag_error *error = nullptr;
    if (chinwag_config_set(config.get(), "name", "cxx", &error) != CHINWAG_OK) {
        std::unique_ptr<chinwag_error, Free> owned(error);
        return chinwag_error_number(owned.get()) != 0;
    }
    chinwag_node *raw = nullptr;
    chinwag_status status = chinwag_start(config.get(), &raw, nullptr);
    std::unique_ptr<chinwag_node, Free> node(raw);
    chinwag_on_event(node.get(), CHINWAG_MASK_MEMBER_FAILED, on_event, &failed, nullptr);
    return status == CHINWAG_OK && chinwag_strstatus(status) != nullptr ? 0 : 1;
}
