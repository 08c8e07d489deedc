"""Stand-in until H4's file is there."""
import yaml
from ..model.messages import Reply, RequestedCall, Usage
import json
class Replies:
    def __init__(self, text, file, data): self.text, self.file, self.data = text, file, data
    @classmethod
    def parse(cls, text, file): return cls(text, file, yaml.safe_load(text))
    @classmethod
    def load(cls, path): return cls.parse(path.read_text(), str(path))
    def model(self): return Scripted(self.data)
class Scripted:
    name="scripted"
    def __init__(self, data): self.data=data
    async def reply(self, request, on_text):
        item = self.data[request.agent][request.turn]
        if isinstance(item,str): item={"content":item}
        on_text(item.get("content",""))
        calls=tuple(RequestedCall(f"c{i}", n, json.dumps(a)) for i,c in enumerate(item.get("calls",())) for n,a in c.items())
        return Reply(item.get("content",""), calls, "stop", "scripted", Usage(10,5,15))
