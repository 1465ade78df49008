using System.Buffers;
using Bsp.Application.Common;
using Bsp.Domain.Common;

namespace Bsp.Infrastructure.Imports;

/// <summary>
/// Files that are being taken in lie here until they have come whole, so that nobody who sends slowly holds a connection to the database.
/// Bounded in bytes and in number, together and by organization. A file has
/// no name from the moment it exists: whatever becomes of the process, the system takes its bytes back.
/// </summary>
public sealed class UploadSpool : IBoundedMemory
{
    private const long MB = 1024 * 1024;
    private const int PieceBytes = 128 * 1024;

    // Between its making and the taking of its name a file is there for some microseconds; what is older was left by a process that was
    // killed in between.
    private static readonly TimeSpan LeftoverAfter = TimeSpan.FromMinutes(1);

    private readonly UploadOptions options;
    private readonly Lock gate = new();

    [Bounded("one an organization that is sending a file")]
    private readonly Dictionary<Guid, Share> shares = [];

    // Carrying a file from the disk into the database holds a connection of the pool for bulk work: a third of it at once, and an
    // organization's one after the other.
    private const int StagedAtOnce = 2;
    private readonly Turns stagingOfOrganization = new(1, int.MaxValue);
    private readonly Turns staging = new(StagedAtOnce, int.MaxValue);

    private int files;
    private long bytes;

    private sealed class Share
    {
        public int Files { get; set; }

        public long Bytes { get; set; }
    }

    public UploadSpool(UploadOptions options)
    {
        this.options = options;
        Place = options.Directory ?? Path.Combine(Path.GetTempPath(), "bsp-uploads");
    }

    /// <summary>The directory.</summary>
    public string Place { get; }

    public string Name => "uploads_on_disk";

    public long BytesMax => options.TotalMb * MB;

    public long BytesNow => Interlocked.Read(ref bytes);

    /// <summary>Removes what a killed process left.</summary>
    public void Clean(DateTimeOffset now)
    {
        if (!Directory.Exists(Place))
        {
            return;
        }

        foreach (var file in new DirectoryInfo(Place).EnumerateFiles("upload-*").Where(file => now - file.LastWriteTimeUtc > LeftoverAfter))
        {
            file.Delete();
        }
    }

    /// <summary>Reads the body to its end. The answer stands at its beginning; disposing it gives everything back.</summary>
    /// <param name="look">Sees what has come first, once: the beginning, or all of a small file. What it throws ends the upload before the
    /// rest is sent.</param>
    /// <exception cref="Refusal"><c>import.too_large</c>, <c>import.too_many_at_once</c></exception>
    /// <exception cref="Busy">The disk's share is taken, or the disk is full.</exception>
    public async Task<Stream> TakeAsync(Guid organizationId, Stream body, Func<ReadOnlyMemory<byte>, Task> look, CancellationToken ct)
    {
        var upload = new Upload(this, organizationId);
        try
        {
            await upload.FillAsync(body, look, ct);
            return upload;
        }
        catch
        {
            await upload.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until it is this organization's turn to carry a file into the database; disposing the answer ends it.</summary>
    public async Task<IDisposable> StagingAsync(Guid organizationId, CancellationToken ct)
    {
        var own = (await stagingOfOrganization.EnterAsync(organizationId.ToString(), ct))!;
        try
        {
            return new Both(own, (await staging.EnterAsync("", ct))!);
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    private sealed record Both(IDisposable First, IDisposable Second) : IDisposable
    {
        public void Dispose()
        {
            Second.Dispose();
            First.Dispose();
        }
    }

    private void Enter(Guid organizationId)
    {
        lock (gate)
        {
            var share = shares.GetValueOrDefault(organizationId) ?? new();
            if (share.Files >= options.OrganizationAtOnce)
            {
                throw new Refusal("import.too_many_at_once",
                    $"{share.Files} files of the organization are being sent at this moment: wait until one of them is here.");
            }

            if (files >= options.AtOnce)
            {
                throw new Busy("Too many files are being sent at this moment: try again.");
            }

            shares[organizationId] = share;
            share.Files++;
            files++;
        }
    }

    private void Take(Guid organizationId, int more)
    {
        lock (gate)
        {
            var share = shares[organizationId];
            if (share.Bytes + more > options.OrganizationMb * MB)
            {
                throw new Refusal("import.too_large",
                    $"All files that the organization sends at once have at most {options.OrganizationMb} MB. Nothing was imported: send a smaller part.");
            }

            if (bytes + more > options.TotalMb * MB)
            {
                throw new Busy("There is no room for more files at this moment: try again.");
            }

            share.Bytes += more;
            bytes += more;
        }
    }

    private void Leave(Guid organizationId, long taken)
    {
        lock (gate)
        {
            var share = shares[organizationId];
            share.Bytes -= taken;
            bytes -= taken;
            files--;
            if (--share.Files == 0)
            {
                shares.Remove(organizationId);
            }
        }
    }

    private FileStream Create()
    {
        var path = Path.Combine(Place, $"upload-{Guid.NewGuid():N}");
        var how = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Delete,
            BufferSize = 0, Options = FileOptions.Asynchronous };
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(Place);
        }
        else
        {
            Directory.CreateDirectory(Place, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            how.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        var file = new FileStream(path, how);
        File.Delete(path);
        return file;
    }

    private sealed class Upload : ReadOnlyStream
    {
        private readonly UploadSpool spool;
        private readonly Guid organizationId;
        private FileStream? file;
        private MemoryStream? head = new();
        private long taken;
        private int left;

        public Upload(UploadSpool spool, Guid organizationId)
        {
            (this.spool, this.organizationId) = (spool, organizationId);
            spool.Enter(organizationId);
        }

        public override long Length => taken;

        // Once it has come whole it may be read again.
        public override bool CanSeek => true;

        public override long Position
        {
            get => file?.Position ?? 0;
            set
            {
                if (file is not null)
                {
                    file.Position = value;
                }
            }
        }

        public override long Seek(long offset, SeekOrigin origin) => file?.Seek(offset, origin) ?? 0;

        public async Task FillAsync(Stream body, Func<ReadOnlyMemory<byte>, Task> look, CancellationToken ct)
        {
            var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
            try
            {
                for (int read; (read = await body.ReadAsync(piece.AsMemory(0, PieceBytes), ct)) > 0;)
                {
                    spool.Take(organizationId, read);
                    taken += read;
                    await WriteAsync(piece.AsMemory(0, read));
                    await LookAsync(piece.AsMemory(0, read), whole: false, look);
                }

                await LookAsync(default, whole: true, look);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(piece);
            }

            if (file is not null)
            {
                file.Position = 0;
            }
        }

        // The beginning is kept aside until it is long enough for any header.
        private async Task LookAsync(ReadOnlyMemory<byte> piece, bool whole, Func<ReadOnlyMemory<byte>, Task> look)
        {
            head?.Write(piece.Span);
            if (head is { } seen && (whole || seen.Length > CsvRows.RowBytesMax))
            {
                head = null;
                await look(seen.ToArray());
            }
        }

        private async Task WriteAsync(ReadOnlyMemory<byte> piece)
        {
            try
            {
                file ??= spool.Create();
                await file.WriteAsync(piece, CancellationToken.None);
            }
            catch (Exception full) when (full is IOException or UnauthorizedAccessException)
            {
                throw new Busy($"The file cannot be kept: {full.Message}");
            }
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            file?.ReadAsync(buffer, cancellationToken) ?? new(0);

        public override int Read(byte[] buffer, int offset, int count) => file?.Read(buffer, offset, count) ?? 0;

        protected override void Dispose(bool disposing)
        {
            if (disposing && Interlocked.Exchange(ref left, 1) == 0)
            {
                file?.Dispose();
                spool.Leave(organizationId, taken);
            }

            base.Dispose(disposing);
        }
    }
}
