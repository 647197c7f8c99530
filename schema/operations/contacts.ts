import { z } from 'zod'
import { publicValue } from '../ids.ts'
import { ContactModel } from '../model.ts'
import { operation } from './define.ts'

export const contactOperations = {
  listContacts: operation({
    method: 'GET',
    path: '/user/contacts',
    scope: 'tenant',
    summary: 'Contacts of the account',
    online: true,
    input: z.object({}),
    output: z.looseObject({ contacts: z.array(ContactModel), count: z.number() }),
    run: async (session) => {
      const contacts = session.contacts().map((contact) => publicValue(contact))
      return { contacts, count: contacts.length }
    },
  }),
}
