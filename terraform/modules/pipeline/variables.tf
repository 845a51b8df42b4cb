variable "name" {
  description = "What the names of all resources begin with."
  type        = string
}

variable "deployment" {
  description = "Name of the deployment, and of its file in environments/."
  type        = string
}

variable "project_id" {
  description = "The deployment's project."
  type        = string
}

variable "region" {
  description = "Of the triggers and their bucket; where the repository is connected."
  type        = string
}

variable "pipeline" {
  description = "The connected repository, its branch, whether an apply needs approval, and the bucket of the state."
  type = object({
    repository        = string
    state_bucket      = string
    branch            = string
    approval_required = bool
  })
}

variable "deletion_protection" {
  description = "Whether kept plans survive terraform destroy."
  type        = bool
}

variable "dispatcher_url" {
  description = "Where the smoke test starts a dry run."
  type        = string
}

variable "status_url" {
  description = "Where the smoke test sees how it went."
  type        = string
}

variable "service_accounts" {
  description = "Service accounts that the deployer hands to what it deploys, by full name."
  type        = map(string)
}
