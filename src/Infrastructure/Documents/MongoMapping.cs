using Bsp.Application.Common;
using System.Text.Json;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;
using MongoDB.Bson.Serialization.Conventions;
using MongoDB.Bson.Serialization.Serializers;

namespace Bsp.Infrastructure.Documents;

/// <summary>
/// How documents are written as BSON: the specification's names, ids as ObjectId, UUIDs in the standard representation, times as UTC
/// milliseconds, amounts as Decimal128, nulls left out.
/// </summary>
internal static class MongoMapping
{
    private static readonly Lazy<bool> Once = new(() =>
    {
        ConventionRegistry.Register("bsp documents",
            new ConventionPack { new SnakeCase(), new IgnoreIfNullConvention(true), new IgnoreExtraElementsConvention(true), new Values(),
                new OnlyDocumentsHaveIds() },
            type => type.Namespace == typeof(ConversationDocument).Namespace || type.Namespace == typeof(MessageDocument).Namespace);
        return true;
    });

    /// <summary>Before the first use of a collection; once per process, however often it is called.</summary>
    public static void Register() => _ = Once.Value;

    private sealed class SnakeCase : ConventionBase, IMemberMapConvention
    {
        public void Apply(BsonMemberMap memberMap) =>
            memberMap.SetElementName(memberMap.MemberType == typeof(DocumentId) && memberMap.MemberName == "Id" ? "_id"
                : JsonNamingPolicy.SnakeCaseLower.ConvertName(memberMap.MemberName));
    }

    // The driver takes every member called Id for _id, also in what lies inside a document, where the specification says id.
    private sealed class OnlyDocumentsHaveIds : ConventionBase, IPostProcessingConvention
    {
        public void PostProcess(BsonClassMap classMap)
        {
            if (classMap.IdMemberMap is { } id && id.MemberType != typeof(DocumentId))
            {
                classMap.SetIdMember(null);
                id.SetElementName("id");
            }
        }
    }

    private sealed class Values : ConventionBase, IMemberMapConvention
    {
        private static readonly Dictionary<Type, IBsonSerializer> ByType = new()
        {
            [typeof(DocumentId)] = new IdSerializer(),
            [typeof(Guid)] = new GuidSerializer(GuidRepresentation.Standard),
            [typeof(Guid?)] = new NullableSerializer<Guid>(new GuidSerializer(GuidRepresentation.Standard)),
            [typeof(DateTimeOffset)] = new DateTimeOffsetSerializer(BsonType.DateTime),
            [typeof(DateTimeOffset?)] = new NullableSerializer<DateTimeOffset>(new DateTimeOffsetSerializer(BsonType.DateTime)),
            [typeof(decimal)] = new DecimalSerializer(BsonType.Decimal128),
            [typeof(decimal?)] = new NullableSerializer<decimal>(new DecimalSerializer(BsonType.Decimal128)),
            [typeof(JsonElement)] = new JsonSerializer(),
            [typeof(JsonElement?)] = new NullableSerializer<JsonElement>(new JsonSerializer()),
            [typeof(JsonElement[])] = new ArraySerializer<JsonElement>(new JsonSerializer()),
        };

        public void Apply(BsonMemberMap memberMap)
        {
            if (ByType.TryGetValue(memberMap.MemberType, out var serializer))
            {
                memberMap.SetSerializer(serializer);
            }
        }
    }

    private sealed class IdSerializer : StructSerializerBase<DocumentId>
    {
        public override DocumentId Deserialize(BsonDeserializationContext context, BsonDeserializationArgs args) =>
            DocumentId.From(context.Reader.ReadObjectId().ToByteArray());

        public override void Serialize(BsonSerializationContext context, BsonSerializationArgs args, DocumentId value) =>
            context.Writer.WriteObjectId(new ObjectId(value.ToBytes()));
    }

    /// <summary>JSON as it is, member by member: a member that begins with $ stays what Meta wrote and is no operator.</summary>
    private sealed class JsonSerializer : StructSerializerBase<JsonElement>
    {
        public override JsonElement Deserialize(BsonDeserializationContext context, BsonDeserializationArgs args)
        {
            var value = BsonValueSerializer.Instance.Deserialize(context);
            var buffer = new System.Buffers.ArrayBufferWriter<byte>();
            using (var json = new Utf8JsonWriter(buffer))
            {
                Write(json, value);
            }

            using var document = JsonDocument.Parse(buffer.WrittenMemory);
            return document.RootElement.Clone();
        }

        public override void Serialize(BsonSerializationContext context, BsonSerializationArgs args, JsonElement value) =>
            BsonValueSerializer.Instance.Serialize(context, Read(value));

        private static BsonValue Read(JsonElement json) => json.ValueKind switch
        {
            JsonValueKind.Object =>
                new BsonDocument(json.EnumerateObject().DistinctBy(p => p.Name).Where(p => !p.Name.Contains('\0'))
                    .Select(p => new BsonElement(p.Name, Read(p.Value)))),
            JsonValueKind.Array => new BsonArray(json.EnumerateArray().Select(Read)),
            JsonValueKind.String => json.GetString(),
            JsonValueKind.Number when json.TryGetInt64(out var whole) => whole,
            JsonValueKind.Number when json.TryGetDecimal(out var exact) => new BsonDecimal128(exact),
            JsonValueKind.Number => json.GetDouble(),
            JsonValueKind.True => BsonBoolean.True,
            JsonValueKind.False => BsonBoolean.False,
            _ => BsonNull.Value,
        };

        private static void Write(Utf8JsonWriter json, BsonValue value)
        {
            switch (value)
            {
                case BsonDocument document:
                    json.WriteStartObject();
                    foreach (var element in document)
                    {
                        json.WritePropertyName(element.Name);
                        Write(json, element.Value);
                    }

                    json.WriteEndObject();
                    break;
                case BsonArray array:
                    json.WriteStartArray();
                    foreach (var item in array)
                    {
                        Write(json, item);
                    }

                    json.WriteEndArray();
                    break;
                case BsonString text: json.WriteStringValue(text.Value); break;
                case BsonInt32 number: json.WriteNumberValue(number.Value); break;
                case BsonInt64 number: json.WriteNumberValue(number.Value); break;
                case BsonDecimal128 number: json.WriteNumberValue(number.AsDecimal); break;
                case BsonDouble number: json.WriteNumberValue(number.Value); break;
                case BsonBoolean truth: json.WriteBooleanValue(truth.Value); break;
                default: json.WriteNullValue(); break;
            }
        }
    }
}
