/**
 * The members of a context that oslo.messaging lets go along with a notification (its releases of the year 2022 and later): what
 * identifies users, projects and requests, and no token.
 */
export const OSLO_EVENT_CONTEXT: readonly string[] = Object.freeze([
  "user_id",
  "project_id",
  "domain_id",
  "user_domain_id",
  "project_domain_id",
  "is_admin",
  "request_id",
  "roles",
  "user_name",
  "project_name",
  "domain_name",
  "user_domain_name",
  "project_domain_name",
  "service_user_id",
  "service_user_domain_id",
  "service_user_domain_name",
  "service_project_id",
  "service_project_name",
  "service_project_domain_id",
  "service_project_domain_name",
  "service_roles",
  "global_request_id",
  "system_scope",
  "user",
  "domain",
  "user_domain",
  "project_domain",
]);
