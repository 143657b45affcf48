#include "cli/findings.h"

#include <utility>

namespace larder::cli {

std::vector<Store::Advice> larder_findings(const Store& store,
                                           const std::vector<EntryInfo>& entries) {
    std::vector<Store::Advice> findings;
    for (const auto& entry : entries) {
        if (entry.withheld.empty()) continue;
        findings.push_back(
            {entry.gains_nothing ? Store::Advice::Severity::info : Store::Advice::Severity::warning,
             "entry",
             "'" + entry.model + "' on " + entry.device + " is not kept: " + entry.withheld,
             "to keep it nevertheless: " + entry.lifted_by});
    }
    for (auto& advice : store.diagnose()) findings.push_back(std::move(advice));
    return findings;
}

}  // namespace larder::cli
