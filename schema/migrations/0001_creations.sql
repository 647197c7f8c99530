CREATE TABLE `creations` (
	`key` text PRIMARY KEY NOT NULL,
	`request` text NOT NULL,
	`draft` text NOT NULL,
	`done` integer NOT NULL,
	`started_at` integer NOT NULL,
	`created_at` integer NOT NULL
);
