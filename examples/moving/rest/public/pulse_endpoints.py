"""Messages of Pulse up to a day, and the profile of an author."""

import datetime
from typing import List

from bfxsync import Client
from bfxsync.types import PulseMessage, PulseProfile

bfx = Client()

end = int(datetime.datetime(2021, 5, 2).timestamp() * 1000)
messages: List[PulseMessage] = bfx.rest.public.get_pulse_message_history(
    end=end, limit=25
)
for message in messages:
    print(f"{message.profile.nickname} ({message.profile.puid}): {message.title}")
    print("tags:", message.tags)

author = messages[0].profile.nickname
profile: PulseProfile = bfx.rest.public.get_pulse_profile_details(author)
print(profile.nickname, "has the picture", profile.picture)
