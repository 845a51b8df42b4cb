# Each budget is within the next, at both ends of what is allowed; a precondition sees to the rest.

mock_provider "google" {
  source = "./tests/mocks"
}

run "the_longest_timeout_nests" {
  command = plan

  variables {
    function_timeout_seconds = 1795
  }

  assert {
    condition     = output.budgets.dispatch_deadline == 1800 && output.budgets.claim == 1860
    error_message = "A claim outlives the longest dispatch."
  }
}

run "the_shortest_timeout_nests" {
  command = plan

  variables {
    function_timeout_seconds = 60
  }

  assert {
    condition     = output.budgets.work == 20 && output.budgets.claim == 660
    error_message = "The shortest function has time to work."
  }
}
