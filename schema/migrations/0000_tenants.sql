CREATE TABLE `tenants` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`token_hash` text NOT NULL,
	`token_preview` text NOT NULL,
	`generation` integer NOT NULL,
	`webhook` text NOT NULL,
	`events` text NOT NULL,
	`sandbox` integer NOT NULL,
	`wanted` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `tenants_token_hash_unique` ON `tenants` (`token_hash`);--> statement-breakpoint
CREATE INDEX `tenants_wanted` ON `tenants` (`wanted`);